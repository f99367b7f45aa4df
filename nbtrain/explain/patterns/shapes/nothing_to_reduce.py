"""The largest of nothing is asked for.

What it is
max, min, argmax and the like need at least one element.

Why it happens
The tensor is empty: a mask that keeps nothing, an empty batch, a split without samples.

How to fix
Print the shape before this line; leave empty ones out (`if x.numel():`).

Example
```text
RuntimeError: max(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "nothing-to-reduce",
    __name__,
    kinds=("RuntimeError", "IndexError"),
    texts=(r"(\w+)\(\): Expected reduction dim (?:\d+ )?to (?:be specified for input\.numel\(\) == 0|have non-zero size)",),
    what="`{1}` was given no element.",
    code="x.shape",
)
