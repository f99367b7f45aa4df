"""The optimizer refuses the learning rate.

What it is
A learning rate is at least 0.

Why it happens
A negative or missing number, or a setting read as text.

How to fix
Pass a number in range, such as `lr=1e-3`.

Example
```text
ValueError: Invalid learning rate: -1
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "learning-rate-invalid",
    __name__,
    kinds=("ValueError",),
    texts=(r"Invalid learning rate: (\S+)",),
    what="The learning rate is {1}.",
    code="lr=1e-3",
)
