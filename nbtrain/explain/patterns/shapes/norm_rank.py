"""A normalisation layer got a tensor with another number of dimensions.

What it is
BatchNorm1d takes (batch, features) or (batch, features, length), BatchNorm2d (batch, channels, height,
width).

Why it happens
BatchNorm2d behind a Linear layer, or BatchNorm1d behind a convolution in 2-D.

How to fix
Take the layer for the dimensions there are: nn.BatchNorm1d behind Linear, nn.BatchNorm2d behind Conv2d.

Example
```text
ValueError: expected 4D input (got 2D input)
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import layer_line, shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    layer = sight.module
    if layer is None:
        return None
    given = sight.input_of(layer.module)
    shape = f" of shape {shape_of(given)}" if given is not None else ""
    kind, size = type(layer.module).__name__, getattr(layer.module, "num_features", "...")
    right = {"2D": "1d", "3D": "1d", "4D": "2d", "5D": "3d"}[found[2]]
    made = f"nn.{kind[:-2]}{right}({size})"
    return Said(
        f"{layer.named} ({kind}) takes {found[1]} and got {found[2]}{shape}.", code=layer_line(layer, made)
    )


PATTERN = Pattern(
    "norm-rank",
    __name__,
    kinds=("ValueError",),
    texts=(r"expected (\dD(?: or \dD)?) input \(got (\dD) input\)",),
    what="The layer takes {1} and got {2}.",
    tell=tell,
)
