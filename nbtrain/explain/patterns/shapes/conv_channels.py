"""A convolution was made for another number of channels than its input has.

What it is
The channel dimension of the input, the second of (batch, channels, height, width), is not the layer's
`in_channels`.

Why it happens
Grey images (1 channel) go into a layer made for colour (3), or the channels stand last, as in (height,
width, channels).

How to fix
Make the layer for the channels there are, or move the channels: `x.permute(0, 3, 1, 2)`. A grey image
becomes a colour one by `x.expand(-1, 3, -1, -1)`.

Example
```text
RuntimeError: Given groups=1, weight of size [16, 3, 3, 3], expected input[8, 1, 28, 28] to have 3 channels, but got 1 channels instead
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import layer_line, shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    layer = sight.module
    if layer is None or not hasattr(layer.module, "in_channels"):
        return None
    given, conv = sight.input_of(layer.module), layer.module
    if given is None:
        return None
    takes, has = conv.in_channels, int(found[4])
    what = f"The layer {layer.named} takes {takes} channels; its input has shape {shape_of(given)}, so {has}."
    plural = "" if has == 1 else "s"
    name = sight.name_of(given, "x")
    if given.shape[-1] == takes and len(given.shape) == 4:
        return Said(
            what, fix="The channels stand last: move them.", code=f"{name} = {name}.permute(0, 3, 1, 2)"
        )
    made = f"nn.{type(conv).__name__}({has}, {conv.out_channels}, kernel_size={tuple(conv.kernel_size)}"
    usual = conv.stride == (1,) * len(conv.stride)
    made += ")" if usual and not any(conv.padding) else f", stride={conv.stride}, padding={conv.padding})"
    return Said(what, fix=f"Make the layer for {has} channel{plural}.", code=layer_line(layer, made))


PATTERN = Pattern(
    "conv-channels",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"Given (?:groups|transposed)=\d+, weight of size \[([\d, ]+)\], expected input\[([\d, ]+)\] to have (\d+) channels, but got (\d+) channels",
    ),
    what="The input has shape ({2}), so {4} channels; the layer takes {3}.",
    tell=tell,
)
