"""The padding is at least as large as the input.

What it is
Reflected padding repeats what lies beside the border, so in each dimension it has to be less than the input's
size; circular padding at most as large.

Why it happens
A short sequence or a small image, often the last of a data set or after layers that made it smaller;
`torch.stft` reflects half of `n_fft` on each side.

How to fix
Pad less, use larger inputs, or a mode that takes any padding: `mode="replicate"` or `mode="constant"`
(`pad_mode="constant"` in `torch.stft`).

Example
```text
RuntimeError: Argument #4: Padding size should be less than the corresponding input dimension, but got: padding (2, 2) at dimension 3 of input [1, 1, 2, 2]
```
"""

from __future__ import annotations

import ast
import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import nodes_of_line, with_node


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for node in nodes_of_line(raised):
        if isinstance(node, ast.Constant) and node.value in ("reflect", "circular"):
            return Said(code=with_node(raised, node, '"replicate"'))
    return None


PATTERN = Pattern(
    "padding-too-large",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"(?:Argument #4: )?Padding size should be less than the corresponding input dimension, but got: padding \(([-\d, ]+)\) at dimension (\d+) of input \[([\d, ]+)\]",
        r"Padding value causes wrapping around more than once",
    ),
    what="The padding ({1}) is not less than dimension {2} of the input, whose shape is [{3}].",
    code='F.pad(x, padding, mode="replicate")',
    tell=tell,
)
