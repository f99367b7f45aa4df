"""A probability of dropout is out of range.

What it is
It is the share of values set to zero: 0 to 1.

Why it happens
A percentage (`20` for 0.2), or another argument in its place.

How to fix
Pass a share: `nn.Dropout(0.2)`.

Example
```text
ValueError: dropout probability has to be between 0 and 1, but got 20
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "dropout-probability",
    __name__,
    kinds=("ValueError",),
    texts=(r"dropout (?:probability has to be|should be a number) (?:between 0 and 1, but got (\S+)|in range \[0, 1\])",),
    code="nn.Dropout(0.2)",
)
