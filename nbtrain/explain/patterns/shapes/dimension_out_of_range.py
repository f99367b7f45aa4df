"""A dimension is named that the tensor does not have.

What it is
A tensor with n dimensions has those from 0 to n - 1, or from -n to -1.

Why it happens
The tensor has fewer dimensions than thought: a batch of one was squeezed, a scalar came back from a
loss.

How to fix
Print the shape. `squeeze()` without a dimension takes away every dimension of size 1: name it,
`squeeze(1)`.

Example
```text
IndexError: Dimension out of range (expected to be in range of [-1, 0], but got 1)
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    shown = [f"`{name}` has shape {shape_of(value)}" for name, value in sight.tensors]
    return Said(", ".join(shown) + ".") if shown else None


PATTERN = Pattern(
    "dimension-out-of-range",
    __name__,
    kinds=("IndexError", "RuntimeError"),
    texts=(
        r"Dimension out of range \(expected to be in range of \[(-?\d+), (-?\d+)\], but got (-?\d+)\)",
        r"Dimension specified as (-?\d+) but tensor has no dimensions",
    ),
    what="Dimension {3} was asked for; there are those from {1} to {2}.",
    tell=tell,
)
