"""Samples carry gradients, and workers cannot pass them on.

What it is
Tensors that require a gradient cannot be stacked into shared memory.

Why it happens
The data set returns a parameter, or an output of a model computed with gradients.

How to fix
Detach in `__getitem__`: `return x.detach(), y`.

Example
```text
RuntimeError: stack(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "collate-requires-grad",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"functions with out=\.\.\. arguments don't support automatic differentiation",
        r"Cowardly refusing to serialize non-leaf tensor which requires_grad",
    ),
    code="return x.detach(), y",
)
