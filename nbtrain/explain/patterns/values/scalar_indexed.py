"""A tensor that is a single number is used like a list.

What it is
A tensor without dimensions cannot be indexed, iterated or measured.

Why it happens
A loss or a label is `loss[0]` in old code, or a batch of one was squeezed.

How to fix
Take the number: `x.item()`; for a batch of one do not squeeze the batch dimension.

Example
```text
IndexError: invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    names = [name for name, value in sight.tensors if not len(value.shape)]
    return Said(f"`{names[0]}` is a single number.", code=f"{names[0]}.item()") if names else None


PATTERN = Pattern(
    "scalar-indexed",
    __name__,
    kinds=("IndexError", "TypeError"),
    texts=(
        r"invalid index of a 0-dim tensor",
        r"iteration over a 0-d tensor",
        r"len\(\) of a 0-d tensor",
        r"slice\(\) cannot be applied to a 0-dim tensor",
    ),
    code="x.item()",
    tell=tell,
)
