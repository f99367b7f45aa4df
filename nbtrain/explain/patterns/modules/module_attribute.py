"""A model has no part of that name.

What it is
Layers are found under the names given in `__init__`.

Why it happens
A name is misspelt, or the layer was made under another one; under DataParallel the model is
`model.module`.

How to fix
Compare with the names in `__init__`: `print(model)`.

Example
```text
AttributeError: 'Net' object has no attribute 'fc3'
```
"""

from __future__ import annotations

import difflib
import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import listed


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    module = sight.local("self", "__getattr__")
    if module is None:
        return None
    own = [*module._modules, *module._parameters, *module._buffers]
    place = raised.place
    if list(module._modules) == ["module"] and hasattr(module.module, found[2]):
        code = place.code.replace(f".{found[2]}", f".module.{found[2]}") if place is not None else ""
        return Said(f"`{found[1]}` wraps the model, which has `{found[2]}`.", code=code)
    methods = [name for name in dir(type(module)) if not name.startswith("_")]
    near = difflib.get_close_matches(found[2], own, n=1, cutoff=0.5) or difflib.get_close_matches(found[2], methods, n=1, cutoff=0.8)
    what = f"`{found[1]}` has {listed(own, 12) or 'no parts'}, and no `{found[2]}`."
    code = place.code.replace(found[2], near[0]) if near and place is not None else ""
    return Said(what, fix=f"`{near[0]}` may be meant." if near else "", code=code)


PATTERN = Pattern(
    "module-attribute",
    __name__,
    kinds=("AttributeError", "ModuleAttributeError"),
    texts=(),
    texts_inside=(
        r"'(\w+)' object has no attribute '(?!_(?:modules|parameters|buffers|backward_hooks)')(\w+)'",
    ),
    what="`{1}` has no `{2}`.",
    inside=r"nn/modules/module.py",
    innermost=r"nn/modules/module.py",
    tell=tell,
)
