"""The optimizer refuses a setting.

What it is
Betas are at least 0 and less than 1; momentum, weight decay and epsilon are at least 0.

Why it happens
A percentage, a sign, or two arguments exchanged.

How to fix
Pass numbers in range; the usual ones are in the line below.

Example
```text
ValueError: Invalid beta parameter at index 0: 1.1
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "optimizer-setting",
    __name__,
    kinds=("ValueError",),
    texts=(r"Invalid (momentum value|weight_decay value|epsilon value|beta parameter at index \d): (\S+)",),
    what="The {1} is {2}.",
    code="torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)",
)
