"""The optimizer was given a computed tensor.

What it is
Only tensors made by hand (leaves) can be optimised.

Why it happens
`.to(device)`, `.float()` or arithmetic after `requires_grad=True` makes a new tensor.

How to fix
Make the tensor on its device at once, or switch the gradient on at the end: `x = torch.randn(n,
device=device).requires_grad_()`.

Example
```text
ValueError: can't optimize a non-leaf Tensor
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import assigned


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for name, value in sight.tensors:
        if getattr(value, "is_leaf", True) is False:
            return Said(f"`{name}` was computed.", code=assigned(name, f"{name}.detach().requires_grad_()"))
    return None


PATTERN = Pattern(
    "optimizer-non-leaf",
    __name__,
    kinds=("ValueError",),
    texts=(r"can't optimize a non-leaf Tensor",),
    code="x = x.detach().requires_grad_()",
    tell=tell,
)
