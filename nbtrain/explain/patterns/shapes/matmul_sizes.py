"""Two tensors that are multiplied as matrices do not fit.

What it is
In a product of (n, k) and (k, m) the two k differ; or in a batch of products the batches differ.

Why it happens
One of the two needs a transpose, or comes from a layer of another width.

How to fix
Print both shapes; the last dimension of the left side has to be the last but one of the right side. `a
@ b.transpose(-2, -1)` turns the right side.

Example
```text
RuntimeError: Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 5].
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    two = [(name, value) for name, value in sight.tensors if len(getattr(value, "shape", ())) >= 1][:2]
    if len(two) < 2:
        return None
    (left, a), (right, b) = two
    what = f"`{left}` has shape {shape_of(a)} and `{right}` {shape_of(b)}."
    if len(b.shape) >= 2 and a.shape[-1] == b.shape[-1]:
        return Said(what, fix=f"`{right}` has to be turned.", code=f"{left} @ {right}.transpose(-2, -1)")
    return Said(what)


PATTERN = Pattern(
    "matmul-sizes",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"Expected size for (?:the )?first two dimensions of batch2 tensor to be: \[([\d, ]+)\] but got: \[([\d, ]+)\]",
        r"inconsistent tensor size, expected tensor \[([\d, ]+)\] and src \[([\d, ]+)\] to have the same number of elements",
        r"size mismatch, got input \((\d+)\), mat \((\d+)x(\d+)\), vec \((\d+)\)",
        r"1D tensors expected, but got (\w+) and (\w+) tensors",
        r"batch1 must be a 3D tensor|self must be a matrix|mat2 must be a matrix",
    ),
    tell=tell,
)
