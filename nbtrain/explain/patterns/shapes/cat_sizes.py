"""Tensors that are joined by torch.cat differ in another dimension.

What it is
All sizes but that of the dimension along which they are joined have to be equal.

Why it happens
Skip connections whose images have become smaller on one side, sequences of different lengths, or the
wrong `dim`.

How to fix
Join along the dimension that differs, pad, or crop the larger one to the smaller.

Example
```text
RuntimeError: Sizes of tensors must match except in dimension 0. Expected size 3 but got size 4 for tensor number 1 in the list.
```
"""

from __future__ import annotations

import re
from typing import Any

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    parts: list[tuple[str, Any]] = list(sight.tensors)
    for name, value in sight.line_values:
        if type(value) in (list, tuple):
            parts += [(f"{name}[{at}]", one) for at, one in enumerate(value[:6]) if hasattr(one, "shape")]
    if len(parts) < 2:
        return None
    return Said("They are: " + ", ".join(f"`{name}` {shape_of(value)}" for name, value in parts[:6]) + ".")


PATTERN = Pattern(
    "cat-sizes",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"Sizes of tensors must match except in dimension (\d+)\. Expected size (\d+) but got size (\d+)",
        r"Sizes of tensors must match except in dimension (\d+)\. Got (\d+) and (\d+)",
        r"Tensors must have same number of dimensions: got (\d+) and (\d+)",
    ),
    tell=tell,
)
