"""A tensor cannot be given that shape: the number of elements differs.

What it is
The product of the new sizes is not the number of elements.

Why it happens
The sizes are written for another image size or another batch: the last batch of an epoch is often
smaller.

How to fix
Let torch compute one size with -1, and take the batch size from the tensor: `x.view(x.size(0), -1)`.
`drop_last=True` in the loader leaves the smaller batch out.

Example
```text
RuntimeError: shape '[32, 784]' is invalid for input of size 12544
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
    wanted, count = [int(size) for size in found[1].split(",")], int(found[2])
    for name, value in sight.tensors:
        if math.prod(value.shape) == count and len(value.shape) > 0:
            what = f"`{name}` has shape {shape_of(value)}, so {count} elements; ({found[1]}) was asked for."
            rest = math.prod(wanted[1:])
            if rest > 0 and count % rest == 0:
                sizes = ", ".join(map(str, wanted[1:]))
                return Said(what, fix="Let torch compute the batch size.", code=f"{name}.view(-1, {sizes})")
            return Said(what, code=f"{name}.flatten(1)" if len(wanted) == 2 and len(value.shape) > 2 else "")
    return None


PATTERN = Pattern(
    "view-size",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"shape '\[([-\d, ]+)\]' is invalid for input of size (\d+)",
        r"unflatten: Provided sizes \[([-\d, ]+)\] don't multiply up to the size of dim -?\d+ \((\d+)\)",
    ),
    what="({1}) was asked for, and the tensor has {2} elements.",
    tell=tell,
)
