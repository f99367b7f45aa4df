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

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for name, value in sight.tensors:
        if 0 in value.shape:
            return Said(f"`{name}` has shape {shape_of(value)}.", code=f"{name}.shape")
    return None


PATTERN = Pattern(
    "nothing-to-reduce",
    __name__,
    kinds=("RuntimeError", "IndexError"),
    texts=(r"(\w+)\(\): Expected reduction dim (?:\d+ )?to (?:be specified for input\.numel\(\) == 0|have non-zero size)",),
    what="`{1}` was given no element.",
    code="x.shape",
    tell=tell,
)
