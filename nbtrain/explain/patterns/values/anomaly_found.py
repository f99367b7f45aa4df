"""Anomaly detection found NaN in a gradient.

What it is
The backward pass of an operation gave NaN.

Why it happens
A root or a logarithm of 0, a division by 0, or a norm of a zero vector.

How to fix
Add a small number: `torch.sqrt(x + 1e-8)`, `x.clamp(min=1e-8).log()`. The first traceback above is the
forward operation.

Example
```text
RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "anomaly-found",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"Function '?(\w+)'? returned nan values in its (\d+)th output",),
    what="It was {1}.",
)
