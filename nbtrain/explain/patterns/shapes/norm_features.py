"""A normalisation layer was made for another number of features.

What it is
BatchNorm takes the number of channels, LayerNorm the size of the last dimensions; the input has others.

Why it happens
The layer before it was changed, or channels do not stand where the layer looks for them (second for
BatchNorm and GroupNorm, last for LayerNorm).

How to fix
Make the layer with the size that the input has, or move the channels.

Example
```text
RuntimeError: running_mean should contain 3 elements not 16
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
    given = sight.input_of(layer.module) if layer is not None else None
    if given is None:
        return None
    what = f"{layer.named} is {layer.module}; its input has shape {shape_of(given)}."
    kind = type(layer.module).__name__
    if kind.startswith("BatchNorm") and len(given.shape) > 1:
        return Said(what, code=layer_line(layer, f"nn.{kind}({given.shape[1]})"))
    if kind == "LayerNorm":
        return Said(what, code=layer_line(layer, f"nn.LayerNorm({given.shape[-1]})"))
    return Said(what)


PATTERN = Pattern(
    "norm-features",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"running_mean should contain (\d+) elements not (\d+)",
        r"Given normalized_shape=\[([\d, ]+)\], expected input with shape \[[^\]]*\], but got input of size ?\[([\d, ]+)\]",
        r"Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape \[(\d+)\] and input of shape \[([\d, ]+)\]",
        r"weight should contain (\d+) elements not (\d+)",
    ),
    tell=tell,
)
