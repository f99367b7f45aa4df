"""A tensor with several elements is used as one number.

What it is
`.item()`, `float(...)` and `int(...)` need a tensor with exactly one element.

Why it happens
A loss with `reduction="none"`, or a metric per sample.

How to fix
Take one number first: `x.mean().item()`; for all of them `x.tolist()`.

Example
```text
RuntimeError: a Tensor with 10 elements cannot be converted to Scalar
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for name, value in sight.tensors:
        if len(value.shape) and value.numel() > 1:
            return Said(f"`{name}` has shape {shape_of(value)}.", code=f"{name}.mean().item()")
    return None


PATTERN = Pattern(
    "single-value-expected",
    __name__,
    kinds=("RuntimeError", "ValueError", "TypeError"),
    texts=(
        r"a Tensor with (\d+) elements cannot be converted to Scalar",
        r"only one element tensors can be converted to Python scalars",
        r"only integer tensors of a single element can be converted to an index",
    ),
    tell=tell,
)
