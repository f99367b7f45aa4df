"""The data set lacks a method that the loader calls.

What it is
A map-style data set needs `__getitem__` and `__len__`, an iterable one `__iter__`.

Why it happens
A method is misspelt or indented wrongly.

How to fix
Define `__getitem__(self, index)` and `__len__(self)` in the class.

Example
```text
NotImplementedError: Subclasses of Dataset should implement __getitem__.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "dataset-not-implemented",
    __name__,
    kinds=("NotImplementedError",),
    texts=(r"Subclasses of \w*Dataset should implement (\w+)",),
    what="`{1}` is missing.",
    code="def __getitem__(self, index):\n    return self.x[index], self.y[index]",
)
