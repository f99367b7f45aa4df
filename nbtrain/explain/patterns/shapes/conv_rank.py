"""A convolution or a pooling layer got a tensor with too few or too many dimensions.

What it is
Such layers take (batch, channels, ...) or (channels, ...): four or three dimensions in 2-D.

Why it happens
The image has no channel dimension, was flattened before, or the batch dimension stands twice.

How to fix
Put the missing dimension in: `x.unsqueeze(1)` for grey images (batch, height, width); `x.view(-1,
channels, height, width)` for flattened ones.

Example
```text
RuntimeError: Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [784]
```
"""

from __future__ import annotations

import math
import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    layer = sight.module
    given = sight.input_of(layer.module) if layer is not None else None
    if given is None:
        return None
    name = sight.name_of(given, "x")
    what = f"The layer {layer.named} takes {found[1]}; its input has shape {shape_of(given)}."
    channels = getattr(layer.module, "in_channels", None)
    if len(given.shape) == 3 and channels == 1:
        return Said(what, fix="Put the channel dimension in.", code=f"{name} = {name}.unsqueeze(1)")
    if len(given.shape) == 2 and channels:
        side = math.isqrt(given.shape[1] // channels)
        if side * side * channels == given.shape[1]:
            return Said(
                what, fix="Give the flattened images their shape back.",
                code=f"{name} = {name}.view(-1, {channels}, {side}, {side})",
            )  # fmt: skip
    return Said(what)


PATTERN = Pattern(
    "conv-rank",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"Expected (\dD \(unbatched\) or \dD \(batched\)) input to (\w+), but got input of size: \[([\d, ]*)\]",
        r"Expected (\d)-dimensional input for \d-dimensional weight \[[\d, ]*\], but got (\d)-dimensional input of size \[([\d, ]*)\]",
        r"non-empty (\dD or \dD \(batch mode\)) tensor expected for (input)",
    ),
    what="The layer takes {1}; the input has another number of dimensions.",
    tell=tell,
)
