"""The optimizer was given something other than parameters.

What it is
It takes an iterable of tensors, or of dicts with `params`.

Why it happens
The model itself, `model.parameters` without brackets, one tensor, or `named_parameters()` in an old
version.

How to fix
Pass `model.parameters()`; a single tensor goes into a list: `[x]`.

Example
```text
TypeError: params argument given to the optimizer should be an iterable of Tensors or dicts, but got torch.FloatTensor
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    place = raised.place
    for name, value in sight.line_values:
        if hasattr(value, "_parameters") and place is not None and f"{name}," in place.code.replace(")", ","):
            return Said(f"`{name}` is a model.", code=place.code.replace(name, f"{name}.parameters()", 1))
    return None


PATTERN = Pattern(
    "optimizer-parameters",
    __name__,
    kinds=("TypeError",),
    texts=(
        r"params argument given to the optimizer should be an iterable of Tensors or dicts, but got ([\w.]+)",
        r"optimizer can only optimize Tensors, but one of the params is ([\w.]+)",
    ),
    texts_inside=(r"'(method|\w+)' object is not iterable",),
    what="It got {1}.",
    code="torch.optim.AdamW(model.parameters(), lr=1e-3)",
    inside=r"torch/optim/",
    tell=tell,
)
