"""Two tensors of different shapes are combined element by element.

What it is
From the last dimension on, each pair of sizes has to be equal, or one of them 1.

Why it happens
Often a dimension of size 1 too many or too few ((32, 1) against (32,)), a batch of another size, or a
forgotten transpose.

How to fix
Print both shapes and bring them together with `unsqueeze`, `squeeze` or `view`. For a loss, output and
target have to have the same shape.

Example
```text
RuntimeError: The size of tensor a (4) must match the size of tensor b (5) at non-singleton dimension 1
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import assigned, loss_pair, shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    pair = loss_pair(sight, "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
    two = [pair[:2], pair[2:]] if pair is not None else sight.tensors[:2]
    if len(two) < 2:
        return None
    (left, a), (right, b) = two
    what = f"`{left}` has shape {shape_of(a)} and `{right}` {shape_of(b)}."
    if tuple(a.shape) == tuple(reversed(b.shape)):
        return Said(what, fix=f"`{right}` is the other way round.", code=assigned(right, f"{right}.T"))
    for name, one, other in ((left, a, b), (right, b, a)):
        if len(one.shape) == 1 and len(other.shape) == 2 and one.shape[0] == other.shape[0]:
            fix = f"Let `{name}` be a column."
            return Said(what, fix=fix, code=assigned(name, f"{name}.unsqueeze(1)"))
    return Said(what)


PATTERN = Pattern(
    "broadcasting",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension (\d+)",
        r"Shape mismatch: objects cannot be broadcast to a single shape",
        r"Attempting to broadcast a dimension of length (\d+) at (-?\d+)",
    ),
    what="In dimension {3} one has {1} elements and the other {2}.",
    outside=r"torch/optim/",
    tell=tell,
)
