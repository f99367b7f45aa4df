"""A parameter stands in two groups of the optimizer.

What it is
Each parameter may be in one group only.

Why it happens
A shared weight, or groups whose filters overlap: `backbone` inside of `model`.

How to fix
Take the first group out of the second by identity.

Example
```text
ValueError: some parameters appear in more than one parameter group
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "optimizer-parameter-twice",
    __name__,
    kinds=("ValueError",),
    texts=(r"some parameters appear in more than one parameter group",),
    code="head = {id(p) for p in model.head.parameters()}\nrest = [p for p in model.parameters() if id(p) not in head]",
)
