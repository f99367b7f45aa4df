"""Groups do not divide the channels.

What it is
With `groups=g` a convolution splits its channels into g parts of one size; GroupNorm does the same.

Why it happens
A number of groups made for another width.

How to fix
Choose groups that divide both numbers of channels; `groups=1` is the usual convolution.

Example
```text
ValueError: in_channels must be divisible by groups
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "channels-not-divisible",
    __name__,
    kinds=("ValueError", "RuntimeError"),
    texts=(
        r"(in_channels|out_channels|num_channels)(?: \(\d+\))? must be divisible by (groups|num_groups)",
        r"Expected number of channels in input to be divisible by num_groups",
    ),
    code="groups=1",
)
