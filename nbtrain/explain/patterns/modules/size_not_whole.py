"""A size has to be a whole number.

What it is
The sizes of layers and tensors are integers.

Why it happens
A division with `/` (`hidden / 2` is a float), a size read as text, or a tuple where one number is
meant.

How to fix
Divide with `//`, or convert: `int(size)`.

Example
```text
TypeError: empty(): argument 'size' failed to unpack the object at pos 2 with error "type must be tuple of ints,but got float"
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    code = raised.place.code.strip() if raised.place is not None else ""
    return Said(code=re.sub(r" ?/ ?", " // ", code)) if code.count("/") == 1 else None


PATTERN = Pattern(
    "size-not-whole",
    __name__,
    kinds=("TypeError",),
    texts=(
        r"(\w+)\(\): argument 'size'(?: \(position \d+\))? (?:failed to unpack the object at pos (\d+) with error .type must be tuple of ints,but got (\w+)|must be tuple of ints, (?:but found element of type|not) (\w+))",
        r"(\w+)\(\) received an invalid combination of arguments - got \(tuple, (?:dtype=\w+, )?device=\w+\)",
    ),
    code="nn.Linear(hidden // 2, 10)  # whole numbers: // in place of /",
    tell=tell,
)
