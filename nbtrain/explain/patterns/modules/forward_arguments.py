"""A model was called with another number of arguments than its forward takes.

What it is
What stands in the brackets goes to `forward`.

Why it happens
Sequential passes one value from layer to layer; an encoder-decoder needs two; a dict was passed where
names are expected.

How to fix
Look at the signature of `forward`; a dict of inputs goes in as `model(**batch)`.

Example
```text
TypeError: Linear.forward() missing 1 required positional argument: 'input'
```
"""

from __future__ import annotations

import inspect
import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import listed


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    module = next((one for one in (sight.local("self", "_call_impl"),) if one is not None), None)
    if module is None:
        return None
    names = list(inspect.signature(type(module).forward).parameters)[1:]
    return Said(f"{sight.locate(module).named} takes {listed(names)}: {found[0]}.")


PATTERN = Pattern(
    "forward-arguments",
    __name__,
    kinds=("TypeError",),
    texts=(
        r"(\w+\.)?forward\(\) (?:missing (\d+) required positional arguments?: ([^\n]+)|takes (?:from \d+ to )?(\d+) positional arguments? but (\d+) were given|got an unexpected keyword argument '(\w+)'|got multiple values for argument '(\w+)')",
    ),
    tell=tell,
)
