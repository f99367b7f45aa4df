"""The letters of einsum do not fit the shapes.

What it is
One letter stands for one size, wherever it occurs, and each tensor has as many letters as dimensions.

Why it happens
A letter used for two sizes, a missing batch letter, or a tensor with a dimension more than thought.

How to fix
Write the shapes beside the letters; `...` stands for the dimensions that are left alone.

Example
```text
RuntimeError: einsum(): subscript j has size 4 for operand 1 which does not broadcast with previously seen size 3
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import RUNTIME, Pattern

PATTERN = Pattern(
    "einsum-sizes",
    __name__,
    kinds=RUNTIME,
    texts=(r"einsum\(\): (?:subscript (\w) has size (\d+) for operand (\d+) which does not broadcast with previously seen size (\d+)|the number of subscripts in the equation \(\d+\)[^\n]*|fewer operands were provided[^\n]*|more operands were provided[^\n]*|operands do not broadcast[^\n]*)",),
    code='torch.einsum("bij,bjk->bik", a, b)',
)
