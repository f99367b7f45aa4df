"""An empty list is to be joined.

What it is
`torch.stack` and `torch.cat` need at least one tensor.

Why it happens
A loop that should have filled the list did not run: an empty loader or split, a filter that kept
nothing, `drop_last=True` with fewer samples than a batch.

How to fix
Print the length of the list and of what it is made from; go on only where there is something.

Example
```text
RuntimeError: stack expects a non-empty TensorList
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for name, value in sight.line_values:
        if isinstance(value, (list, tuple)) and not value:
            return Said(f"`{name}` is empty.", code=f"len({name})")
    return None


PATTERN = Pattern(
    "nothing-to-join",
    __name__,
    kinds=(*RUNTIME, "ValueError"),
    texts=(
        r"stack expects a non-empty TensorList",
        r"(?:torch\.)?cat\(\): expected a non-empty list of Tensors",
    ),
    code="len(loader), len(loader.dataset)",
    tell=tell,
)
