"""BCELoss cannot be used under autocast.

What it is
The logarithm of a float16 probability becomes infinite.

Why it happens
The model ends in a sigmoid, and the loss is BCELoss.

How to fix
Leave the sigmoid out and use `nn.BCEWithLogitsLoss()`.

Example
```text
RuntimeError: torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "autocast-bce",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"binary_cross_entropy and torch\.nn\.BCELoss\s+are unsafe to autocast",),
    code="criterion = nn.BCEWithLogitsLoss()",
)
