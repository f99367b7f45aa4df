"""The result of an operation does not fit into the type of the tensor it is written to.

What it is
Operations in place keep the tensor's type; a float result cannot go into whole numbers.

Why it happens
`x /= 255` on an image of whole numbers, `target` as whole numbers in a binary loss, counters as
integers.

How to fix
Convert first: `x = x.float()`, or leave out the `_` and `=`: `x = x / 255`.

Example
```text
RuntimeError: result type Float can't be cast to the desired output type Long
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import assigned, loss_pair


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    pair = loss_pair(sight, "binary_cross_entropy_with_logits", "binary_cross_entropy")
    named = [(pair[2], pair[3])] if pair is not None else list(sight.tensors)
    for name, value in named:
        if not value.is_floating_point():
            return Said(f"`{name}` is {value.dtype}.", code=assigned(name, f"{name}.float()"))
    return None


PATTERN = Pattern(
    "result-type-cast",
    __name__,
    kinds=RUNTIME,
    texts=(r"result type (\w+) can't be cast to the desired output type (\w+)",),
    what="The result is {1}, the tensor {2}.",
    tell=tell,
)
