"""A model has no forward.

What it is
Calling a module runs its `forward`, and this class has none.

Why it happens
It is misspelt, or indented so that it stands inside `__init__`.

How to fix
Define `def forward(self, x):` at the level of `__init__`.

Example
```text
NotImplementedError: Module [Net] is missing the required "forward" function
```
"""

from __future__ import annotations

import difflib
import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    module = sight.local("self", "_forward_unimplemented")
    if module is None:
        return None
    own = [
        name
        for name in vars(type(module))
        if callable(getattr(type(module), name)) and not name.startswith("__")
    ]
    near = difflib.get_close_matches("forward", own, n=1, cutoff=0.6)
    if near:
        return Said(
            f"`{found[1]}` has no `forward`, but a method `{near[0]}`.",
            fix="Rename it.",
            code=f"def forward(self, ...):  # was {near[0]}",
        )
    if type(module).__name__ in ("ModuleList", "ModuleDict"):
        return Said(
            f"A {found[1]} only holds layers: call them one by one.",
            code="for layer in self.layers:\n    x = layer(x)",
        )
    return None


PATTERN = Pattern(
    "forward-missing",
    __name__,
    kinds=("NotImplementedError",),
    texts=(r"Module \[(\w+)\] is missing the required \"forward\" function",),
    what="`{1}` has no `forward`.",
    code="def forward(self, x):\n    return self.layers(x)",
    tell=tell,
)
