"""A class label is beyond the number of classes of one_hot.

What it is
Labels go from 0 to num_classes - 1.

Why it happens
Labels start at 1, or there are more classes than told.

How to fix
`num_classes=int(labels.max()) + 1`, or `labels - 1`.

Example
```text
RuntimeError: Class values must be smaller than num_classes.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "one-hot-range",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"Class values must be (?:smaller than num_classes|non-negative)",),
    code="F.one_hot(labels, num_classes=int(labels.max()) + 1)",
)
