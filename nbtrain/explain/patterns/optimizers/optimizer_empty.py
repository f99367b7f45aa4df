"""The optimizer was given no parameters.

What it is
The list or generator of parameters is empty.

Why it happens
Layers kept in a plain list or dict are not seen by `parameters()`; or the generator was used up before;
or a filter leaves nothing.

How to fix
Keep layers in nn.ModuleList or nn.ModuleDict, and pass `model.parameters()` afresh.

Example
```text
ValueError: optimizer got an empty parameter list
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for name, model in sight.models.items():
        if any(True for _ in model.parameters()):
            continue
        for attribute, held in vars(model).items():
            if attribute.startswith("_"):
                continue
            parts = (
                list(held.values())
                if type(held) is dict
                else list(held)
                if type(held) in (list, tuple)
                else []
            )
            if any(hasattr(part, "_parameters") for part in parts):
                kind = "nn.ModuleDict" if type(held) is dict else "nn.ModuleList"
                what = f"`{name}` keeps its layers in the {type(held).__name__} `{attribute}`, where they are not seen."
                return Said(
                    what,
                    code=f"self.{attribute} = {kind}(self.{attribute})  # in {type(model).__name__}.__init__",
                )
        return Said(f"`{name}` has no parameters.")
    return None


PATTERN = Pattern(
    "optimizer-empty",
    __name__,
    kinds=("ValueError",),
    texts=(r"optimizer got an empty parameter list",),
    code="self.layers = nn.ModuleList([...])",
    tell=tell,
)
