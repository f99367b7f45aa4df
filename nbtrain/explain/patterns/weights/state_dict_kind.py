"""load_state_dict() was given something other than a dict of weights.

What it is
It takes what `state_dict()` gave.

Why it happens
A whole model (saved by `torch.save(model)`), or a path, was passed.

How to fix
Pass `torch.load(path)`; of a whole model `other.state_dict()`.

Example
```text
TypeError: Expected state_dict to be dict-like, got <class 'str'>.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    state, module = sight.local("state_dict", "load_state_dict"), sight.local("self", "load_state_dict")
    name, model = sight.name_of(state), sight.name_of(module, "model")
    if hasattr(state, "state_dict"):
        return Said(
            f"`{name or 'it'}` is a whole model.",
            code=f"{model}.load_state_dict({name or 'other'}.state_dict())",
        )
    if isinstance(state, str):
        given = name or repr(state)
        return Said(f"{given} is a path.", code=f"{model}.load_state_dict(torch.load({given}))")
    return None


PATTERN = Pattern(
    "state-dict-kind",
    __name__,
    kinds=("TypeError",),
    texts=(r"Expected state_dict to be dict-like, got <class '([\w.]+)'>",),
    what="It got a {1}.",
    tell=tell,
)
