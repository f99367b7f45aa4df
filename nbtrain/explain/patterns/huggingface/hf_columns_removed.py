"""The data set has no column that the model's forward takes.

What it is
The Trainer removes columns that `forward` does not name.

Why it happens
The data set was not tokenized, or the columns have other names.

How to fix
Tokenize with `dataset.map(tokenize, batched=True)`, or `remove_unused_columns=False`.

Example
```text
ValueError: No columns in the dataset match the model's forward method signature.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "hf-columns-removed",
    __name__,
    kinds=("ValueError", "IndexError"),
    texts=(
        r"No columns in the dataset match the model's forward method signature",
        r"Invalid key: \d+ is out of bounds for size 0",
    ),
    code="dataset = dataset.map(tokenize, batched=True)",
)
