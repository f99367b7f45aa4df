"""A tensor is called like a function.

What it is
Brackets behind a tensor's name.

Why it happens
A name such as `loss` or `model` was given to a tensor and is then used as the function it was before;
`x.shape(0)` in place of `x.size(0)`.

How to fix
Give the result another name than the function; index with `[...]`.

Example
```text
TypeError: 'Tensor' object is not callable
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    place = raised.place
    names = [name for name, value in sight.line_values if type(value).__name__ in (found[1], "Size")]
    called = [name for name in names if place is not None and f"{name}(" in place.code]
    return Said(f"`{called[0]}` is a {found[1]}: its name was given to a result.") if called else None


PATTERN = Pattern(
    "tensor-called",
    __name__,
    kinds=("TypeError",),
    texts=(r"'(Tensor|torch\.Size|Parameter)' object is not callable",),
    tell=tell,
)
