"""A loader is used like a list or an iterator.

What it is
A DataLoader gives its batches in a `for` loop or to an iterator.

Why it happens
`next(loader)` or `loader[0]`.

How to fix
Use `next(iter(loader))` for one batch, `loader.dataset[0]` for one sample.

Example
```text
TypeError: 'DataLoader' object is not an iterator
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    names = [name for name, one in sight.line_values if type(one).__name__ == "DataLoader"]
    return Said(f"`{names[0]}` is a DataLoader.", code=f"batch = next(iter({names[0]}))") if names else None


PATTERN = Pattern(
    "loader-used-directly",
    __name__,
    kinds=("TypeError",),
    texts=(r"'DataLoader' object is not (an iterator|subscriptable)",),
    code="batch = next(iter(loader))",
    tell=tell,
)
