"""A list cannot become a tensor: it is ragged, or holds something that is no number.

What it is
All rows have to be of one length, and all values numbers.

Why it happens
Sentences of different lengths, None for a missing value, texts in place of numbers.

How to fix
Pad the rows to one length, replace None, and turn texts into numbers first.

Example
```text
ValueError: expected sequence of length 2 at dim 1 (got 1)
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "not-a-tensor-of-numbers",
    __name__,
    kinds=("ValueError", "RuntimeError", "TypeError"),
    texts=(
        r"expected sequence of length (\d+) at dim (\d+) \(got (\d+)\)",
        r"too many dimensions 'str'",
        r"Could not infer dtype of (\w+)",
    ),
    inside=r"",
)
