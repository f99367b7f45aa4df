"""A numpy array was turned round, and torch cannot read it backwards.

What it is
`array[::-1]` and flips give a view with negative strides, which torch has not.

Why it happens
Images flipped with numpy, or BGR turned to RGB by `[..., ::-1]`.

How to fix
Copy the array first: `torch.from_numpy(array.copy())`.

Example
```text
ValueError: At least one stride in the given numpy array is negative, and tensors with negative strides are not currently supported.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "negative-strides",
    __name__,
    kinds=("ValueError",),
    texts=(
        r"(?:At least one stride in the given numpy array is negative|[Ss]ome of the strides of a given numpy array are negative)",
    ),
    code="torch.from_numpy(array.copy())",
)
