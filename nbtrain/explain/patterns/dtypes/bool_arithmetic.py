"""Minus is not defined for tensors of truths.

What it is
torch has no subtraction or negation of bool.

Why it happens
A mask is inverted by `1 - mask` or `-mask`.

How to fix
Invert with `~mask`; count with `mask.long()`.

Example
```text
RuntimeError: Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    masks = [name for name, value in sight.tensors if str(value.dtype) == "torch.bool"]
    return Said(f"`{masks[0]}` is torch.bool.", code=f"~{masks[0]}") if len(masks) == 1 else None


PATTERN = Pattern(
    "bool-arithmetic",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"(?:Subtraction|Negation), the `-` operator, (?:with|on) (?:a|two) bool tensors? is not supported",
    ),
    code="~mask",
    tell=tell,
)
