"""The index of gather or scatter is larger than what it reads.

What it is
In every dimension but `dim` the index has to be at most as large as the tensor, with as many
dimensions.

Why it happens
Labels without a last dimension (`labels` in place of `labels.unsqueeze(1)`), or of another batch.

How to fix
Bring the index to the tensor's shape: `scores.gather(1, labels.unsqueeze(1)).squeeze(1)` takes each
sample's own score.

Example
```text
RuntimeError: Size does not match at dimension 0 expected index [4, 4] to be no larger than self [3, 4] apart from dimension 1
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import RUNTIME, Pattern

PATTERN = Pattern(
    "gather-sizes",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"Size does not match at dimension (\d+) expected index \[([\d, ]+)\] to be (?:no larger|smaller) than (?:self|src) \[([\d, ]+)\]",
        r"Index tensor must have the same number of dimensions as (?:input|self|src) tensor",
        r"Expected index \[([\d, ]+)\] to be (?:smaller|no larger) than (?:self|src) \[([\d, ]+)\]",
    ),
    code="scores.gather(1, labels.unsqueeze(1)).squeeze(1)",
)
