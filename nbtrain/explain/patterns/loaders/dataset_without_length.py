"""A data set does not say how many samples it has.

What it is
A loader that shuffles or counts its batches asks the data set for its length.

Why it happens
The class has no `__len__`; or it is an IterableDataset, which has none and cannot be shuffled by the
loader.

How to fix
Define `__len__`; of an IterableDataset leave `shuffle` and `len(loader)` out, and count steps.

Example
```text
TypeError: object of type 'Numbers' has no len()
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "dataset-without-length",
    __name__,
    kinds=("TypeError",),
    texts=(),
    texts_inside=(r"object of type '(\w+)' has no len\(\)",),
    code="def __len__(self):\n    return len(self.x)",
    inside="torch/utils/data/",
    innermost="torch/utils/data/",
)
