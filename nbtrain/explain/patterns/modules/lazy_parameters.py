"""A lazy layer has no weights yet.

What it is
LazyLinear and the like learn their size from the first batch.

Why it happens
Weights are used, counted or copied before a batch went through.

How to fix
Pass one batch first: `model(x)`.

Example
```text
ValueError: Attempted to use an uninitialized parameter in <method 'sum' of 'torch._C.TensorBase' objects>.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "lazy-parameters",
    __name__,
    kinds=("ValueError", "RuntimeError"),
    texts=(
        r"Attempted to use an uninitialized parameter in",
        r"Modules with uninitialized parameters can't be used with",
    ),
    code="model(x)  # one batch, before the weights are used",
)
