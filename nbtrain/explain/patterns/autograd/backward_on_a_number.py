"""backward() was called on something that is no tensor.

What it is
A Python number, None or an array has no graph.

Why it happens
The loss was turned into a number by `.item()`, or the function that makes it returns nothing.

How to fix
Call `backward()` on the tensor, and `.item()` only for printing; return the loss from the function.

Example
```text
AttributeError: 'float' object has no attribute 'backward'
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    names = [name for name, value in sight.line_values if type(value).__name__ == found[1]]
    return Said(f"`{names[0]}` is a {found[1]}, no tensor.") if names else None


PATTERN = Pattern(
    "backward-on-a-number",
    __name__,
    kinds=("AttributeError",),
    texts=(
        r"'(float|int|NoneType|list|tuple|dict|str|ndarray|numpy\.\w+|\w*Output)' object has no attribute 'backward'",
    ),
    what="`backward()` was called on a {1}.",
    tell=tell,
)
