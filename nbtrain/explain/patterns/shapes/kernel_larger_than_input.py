"""The image has become smaller than the kernel of a layer.

What it is
After the layers before it, height or width are below the kernel's, or pooling would leave nothing.

Why it happens
Each convolution without padding and each pooling makes images smaller; small images (28 × 28, 32 × 32)
do not last for many of them.

How to fix
Use fewer pooling layers or strides, `padding="same"` in the convolutions, or larger images.
`nn.AdaptiveAvgPool2d(1)` works with any size.

Example
```text
RuntimeError: Calculated padded input size per channel: (2 x 2). Kernel size: (5 x 5). Kernel size can't be greater than actual input size
```
"""

from __future__ import annotations

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
    kernel = getattr(layer.module, "kernel_size", "?")
    return Said(f"What reaches {layer.named} has shape {shape_of(given)}; its kernel is {kernel}.")


PATTERN = Pattern(
    "kernel-larger-than-input",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"Calculated padded input size per channel: \(([\d x]+)\)\. Kernel size: \(([\d x]+)\)\. Kernel size can't be greater",
        r"Given input size: \(([\dx]+)\)\. Calculated output size: \(([-\dx]+)\)\. Output size is too small",
    ),
    what="What reaches the layer is ({1}), against ({2}).",
    tell=tell,
)
