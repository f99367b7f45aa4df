"""A parameter is changed in place while gradients are recorded.

What it is
A tensor that requires a gradient and was made by hand must not be overwritten in a recorded operation.

Why it happens
Weights set or updated by hand: `w -= lr * w.grad`, `layer.weight[0] = 0`.

How to fix
Do it under `torch.no_grad()`.

Example
```text
RuntimeError: a leaf Variable that requires grad is being used in an in-place operation.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    place = raised.place
    if place is None or not place.code:
        return None
    return Said(fix="Do this line under `torch.no_grad()`.", code=f"with torch.no_grad():\n    {place.code}")


PATTERN = Pattern(
    "leaf-in-place",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"a (?:view of a )?leaf Variable that requires grad (?:is being used|has been used) in an in-place operation",
        r"leaf variable has been moved into the graph interior",
    ),
    code="with torch.no_grad():\n    ...",
    tell=tell,
)
