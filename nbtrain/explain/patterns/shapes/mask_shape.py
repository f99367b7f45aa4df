"""A mask does not have the shape of the tensor it is used on.

What it is
A mask of truths picks elements, so its sizes have to be those of the dimensions it picks from.

Why it happens
The mask was made from another tensor or another batch.

How to fix
Make the mask from the tensor itself; print both shapes.

Example
```text
IndexError: The shape of the mask [3] at index 0 does not match the shape of the indexed tensor [4] at index 0
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "mask-shape",
    __name__,
    kinds=("IndexError",),
    texts=(
        r"The shape of the mask \[([\d, ]*)\] at index \d+ does not match the shape of the indexed tensor \[([\d, ]*)\]",
    ),
    what="The mask has shape ({1}), the tensor ({2}).",
)
