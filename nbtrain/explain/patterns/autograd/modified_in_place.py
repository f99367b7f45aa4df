"""A value that the backward pass needs was changed in place.

What it is
Some operations need their input or output once more on the way back; it is no longer what it was.

Why it happens
`x += ...`, `x[...] = ...`, `relu(inplace=True)`, or a step of the optimizer between forward and
backward.

How to fix
Write `x = x + ...` in place of `x += ...`, leave `inplace=True` out.
`torch.autograd.set_detect_anomaly(True)` names the operation in the forward pass. Do both backward
passes before any `optimizer.step()`.

Example
```text
RuntimeError: one of the variables needed for gradient computation has been modified by an inplace operation: [torch.FloatTensor [8, 16]], which is output 0 of ReluBackward0, is at version 1; expected version 0 instead.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    if found["by"] or not found["shape"]:
        return None
    return Said(f"A tensor of shape ({found['shape']}) was changed after it was used.")


PATTERN = Pattern(
    "modified-in-place",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"one of the variables needed for gradient computation has been modified by an inplace operation(?:: \[[\w.]+ \[(?P<shape>[\d, ]*)\]\](?:, which is output \d+ of (?P<by>\w+))?)?",
    ),
    what="A tensor of shape ({shape}), the output of {by}, was changed after it was computed.",
    code="torch.autograd.set_detect_anomaly(True)  # names the operation; take it out afterwards",
    tell=tell,
)
