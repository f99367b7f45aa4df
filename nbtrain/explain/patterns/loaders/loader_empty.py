"""The data set is empty.

What it is
A loader that shuffles draws from at least one sample.

Why it happens
A wrong path, a pattern that matches no file, or a filter that leaves nothing.

How to fix
Print `len(dataset)` and the path it reads.

Example
```text
ValueError: num_samples should be a positive integer value, but got num_samples=0
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    empty = [name for name, one in sight.line_values if hasattr(type(one), "__len__") and len(one) == 0]
    return Said(f"`{empty[0]}` has no samples.", code=f"len({empty[0]})") if empty else None


PATTERN = Pattern(
    "loader-empty",
    __name__,
    kinds=("ValueError",),
    texts=(r"num_samples should be a positive integer value, but got num_samples=0",),
    code="len(dataset)",
    tell=tell,
)
