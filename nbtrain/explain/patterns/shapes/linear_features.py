"""A Linear layer was made for another number of features than its input has.

What it is
The last dimension of the input and `in_features` of the layer differ.

Why it happens
Usually an image or a sequence was not flattened, was flattened together with the batch, or the layer
before it changed its width.

How to fix
Flatten all but the batch dimension before the layer, or make the layer with the number of features that
the input has.

Example
```text
RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x100 and 784x10)
```
"""

from __future__ import annotations

import math
import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import layer_line, shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    layer = sight.module
    if layer is None or not hasattr(layer.module, "in_features"):
        return None
    given = sight.input_of(layer.module)
    if given is None:
        return None
    takes, gives, has = layer.module.in_features, layer.module.out_features, given.shape[-1]
    what = (
        f"The layer {layer.named} takes {takes} features and gives {gives}; its input has shape "
        f"{shape_of(given)}, so {has} features."
    )
    name, sizes = sight.name_of(given), tuple(given.shape)
    rest = math.prod(sizes[1:])
    if len(sizes) > 2 and rest == takes:
        fix = f"Flatten everything but the batch: {' × '.join(map(str, sizes[1:]))} = {rest} features."
        if not name and type(layer.owner).__name__ == "Sequential":
            return Said(what, fix=fix, code=f"{layer.owner_code}.insert({layer.attribute}, nn.Flatten())")
        name = name or sight.name_of(given, "x")
        return Said(what, fix=fix, code=f"{name} = {name}.flatten(1)")
    if len(sizes) == 2 and sizes[0] == takes and name:
        return Said(what, fix="The dimensions are the other way round.", code=f"{name} = {name}.T")
    bias = "" if layer.module.bias is not None else ", bias=False"
    fix = f"Make the layer for {has} features, or bring its input to {takes}."
    return Said(what, fix=fix, code=layer_line(layer, f"nn.Linear({has}, {gives}{bias})"))


PATTERN = Pattern(
    "linear-features",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
        r"a and b must have same reduction dim, but got \[(\w+), (\w+)\] X \[(\w+), (\w+)\]",
        r"size mismatch, m1: \[(\d+) x (\d+)\], m2: \[(\d+) x (\d+)\]",
    ),
    what="The left side has {2} features and the right side takes {3}: (… × {2}) and ({3} × …) cannot be multiplied.",
    tell=tell,
)
