"""The letters of einsum do not fit the shapes.

What it is
One letter stands for one size, wherever it occurs, and each tensor has as many letters as dimensions.

Why it happens
A letter used for two sizes, a missing batch letter, or a tensor with a dimension more than thought.

How to fix
Write the shapes beside the letters; `...` stands for the dimensions that are left alone.

Example
```text
RuntimeError: einsum(): subscript j has size 4 for operand 1 which does not broadcast with previously seen size 3
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    shown = [f"`{name}` has shape {shape_of(value)}" for name, value in sight.tensors]
    return Said(", ".join(shown) + ".") if shown else None


PATTERN = Pattern(
    "einsum-sizes",
    __name__,
    kinds=RUNTIME,
    texts=(r"einsum\(\): (?:subscript (\w) has size (\d+) for operand (\d+) which does not broadcast with previously seen size (\d+)|the number of subscripts in the equation \(\d+\)[^\n]*|fewer operands were provided[^\n]*|more operands were provided[^\n]*|operands do not broadcast[^\n]*)",),
    tell=tell,
)
