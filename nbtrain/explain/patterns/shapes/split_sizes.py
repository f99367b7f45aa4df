"""The parts of a split do not add up to the whole.

What it is
The sizes given to split or random_split have to sum up to what is split.

Why it happens
Sizes rounded from shares (0.8 × 1001), or the data set has grown.

How to fix
Compute the last part from the rest: `[n, len(dataset) - n]`; random_split takes shares that sum up to 1
as well.

Example
```text
ValueError: Sum of input lengths does not equal the length of the input dataset!
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "split-sizes",
    __name__,
    kinds=("ValueError", "RuntimeError"),
    texts=(
        r"Sum of input lengths does not equal the length of the input dataset",
        r"split_with_sizes expects split_sizes to sum exactly to (\d+) \(input tensor's size at dimension (-?\d+)\), but got split_sizes=\[([\d, ]+)\]",
    ),
    code="train, val = random_split(dataset, [n := int(0.8 * len(dataset)), len(dataset) - n])",
)
