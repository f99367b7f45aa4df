"""A model's parts are set before nn.Module is ready.

What it is
`nn.Module.__init__` makes the places where layers are kept.

Why it happens
`super().__init__()` is missing in `__init__`, or stands below the first layer.

How to fix
Call `super().__init__()` as the first line of `__init__`.

Example
```text
AttributeError: cannot assign module before Module.__init__() call
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    owner = sight.local("self", "__init__")
    return (
        Said(f"`{type(owner).__name__}.__init__` does not call `super().__init__()` first.")
        if owner is not None
        else None
    )


PATTERN = Pattern(
    "init-not-called",
    __name__,
    kinds=("AttributeError",),
    texts=(
        r"cannot assign (?:module|parameters?|buffers?) before Module\.__init__\(\) call",
        r"'(\w+)' object has no attribute '_(?:modules|parameters|buffers|backward_hooks)'",
    ),
    code="def __init__(self):\n    super().__init__()",
    tell=tell,
)
