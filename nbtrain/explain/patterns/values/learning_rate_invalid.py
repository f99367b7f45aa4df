"""The optimizer refuses a setting.

What it is
Learning rate, betas, weight decay and momentum have their ranges.

Why it happens
A negative or missing number, or a setting read as text.

How to fix
Pass numbers in range, such as `lr=1e-3`.

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
    texts=(
        r"Invalid (learning rate|momentum value|weight_decay value|epsilon value|beta parameter at index \d): (\S+)",
    ),
    what="The {1} is {2}.",
    code="lr=1e-3",
)
