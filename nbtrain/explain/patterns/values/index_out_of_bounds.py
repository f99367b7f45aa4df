"""An index is beyond the end of a tensor.

What it is
A dimension of size n has the places 0 to n - 1.

Why it happens
Indices from another data set or another batch, or labels used as an index into too few classes.

How to fix
Print the size and the largest index.

Example
```text
IndexError: index 5 is out of bounds for dimension 0 with size 3
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
    return (
        Said(
            f"Index {found[1]} in dimension {found[2]}, which has size {found[3]}: " + ", ".join(shown) + "."
        )
        if shown
        else None
    )


PATTERN = Pattern(
    "index-out-of-bounds",
    __name__,
    kinds=("IndexError", "RuntimeError"),
    texts=(r"index (-?\d+) is out of bounds for dimension (-?\d+) with size (\d+)",),
    what="Index {1} in dimension {2}, which has size {3}.",
    outside="nn/modules/rnn.py",
    tell=tell,
)
