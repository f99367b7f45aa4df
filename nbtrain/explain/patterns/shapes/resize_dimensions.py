"""Resizing does not fit the dimensions of the input.

What it is
`F.interpolate` reads (batch, channels, sizes ...), and needs one size for each of the sizes; `F.pad`
two numbers for each dimension.

Why it happens
A single image without the batch dimension, or sizes for 2D on a sequence.

How to fix
Put the batch dimension in: `x.unsqueeze(0)`, and take it away afterwards. Give `F.pad` the numbers of the
last dimension first.

Example
```text
ValueError: Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of [8] and output size of (4, 4).
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "resize-dimensions",
    __name__,
    kinds=("ValueError", "RuntimeError", "NotImplementedError"),
    texts=(
        r"Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of \[([\d, ]+)\] and output size of",
        r"Input and scale_factor must have the same number of spatial dimensions",
        r"Padding length should be less than or equal to two times the input dimension",
    ),
    codes=((r"^Padding", "F.pad(x, (left, right))  # at most two numbers for each dimension of x"),),
    code='F.interpolate(x.unsqueeze(0), size=(h, w), mode="bilinear").squeeze(0)',
)
