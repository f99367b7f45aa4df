"""Tensors of a TensorDataset have different numbers of samples.

What it is
Inputs and labels have to have the same first dimension: a label for each input.

Why it happens
One of them was filtered or split and the other was not, or one is transposed.

How to fix
Print the shapes, and filter both by the same index.

Example
```text
AssertionError: Size mismatch between tensors
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    shown = [f"`{name}` has shape {shape_of(value)}" for name, value in sight.tensors]
    return Said(", ".join(shown) + ".") if len(shown) > 1 else None


PATTERN = Pattern(
    "samples-differ",
    __name__,
    kinds=("AssertionError",),
    texts=(r"Size mismatch between tensors",),
    tell=tell,
)
