"""view() cannot be used on a tensor whose memory is in another order.

What it is
`view` only reads memory anew; after transpose, permute or slicing the elements do not lie in that
order.

Why it happens
A `permute` or `transpose` stands before the `view`.

How to fix
Use `reshape`, which copies where it has to, or `.contiguous()` before `view`.

Example
```text
RuntimeError: view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    place = raised.place
    if place is None or ".view(" not in place.code:
        return None
    return Said(fix="Use `reshape` in this line.", code=place.code.replace(".view(", ".reshape("))


PATTERN = Pattern(
    "view-stride",
    __name__,
    kinds=RUNTIME,
    texts=(r"view size is not compatible with input tensor's size and stride",),
    code="x = x.reshape(...)  # in place of x.view(...)",
    tell=tell,
)
