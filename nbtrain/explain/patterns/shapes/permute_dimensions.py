"""permute() names another number of dimensions than the tensor has.

What it is
Every dimension has to be named exactly once.

Why it happens
Images without a batch dimension, or with one too many.

How to fix
Print the shape; (height, width, channels) needs `permute(2, 0, 1)`, a batch of them `permute(0, 3, 1,
2)`.

Example
```text
RuntimeError: permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. input.dim() = 3 is not equal to len(dims) = 4
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import RUNTIME, Pattern

PATTERN = Pattern(
    "permute-dimensions",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i\.e\. input\.dim\(\) = (\d+) is not equal to len\(dims\) = (\d+)",
    ),
    what="The tensor has {1} dimensions, and {2} are named.",
)
