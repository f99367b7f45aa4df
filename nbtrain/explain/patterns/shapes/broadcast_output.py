"""The result of an operation in place would be larger than the tensor it is written to.

What it is
`a += b`, `a.sub_(b)` and `out=` cannot make `a` larger; here the result has more elements.

Why it happens
Common with image transforms: Normalize with three means on a grey image.

How to fix
Give a mean for each channel there is (`Normalize((0.5,), (0.5,))` for grey images), or write `a = a -
b`.

Example
```text
RuntimeError: output with shape [1, 28, 28] doesn't match the broadcast shape [3, 28, 28]
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import RUNTIME, Pattern

PATTERN = Pattern(
    "broadcast-output",
    __name__,
    kinds=RUNTIME,
    texts=(r"output with shape \[([\d, ]*)\] doesn't match the broadcast shape \[([\d, ]*)\]",),
    what="The result has shape ({2}), and it should go into a tensor of shape ({1}).",
    outside=r"torch/optim/",
)
