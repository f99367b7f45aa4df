"""Labels of a classification have the wrong type.

What it is
cross_entropy takes whole numbers (`long`) as labels, or float probabilities of the shape of the scores.

Why it happens
Labels read from a CSV or made by numpy are float or int32.

How to fix
`target = target.long()`.

Example
```text
RuntimeError: expected target dtype to be Long or Byte, but got Float
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import loss_pair


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    pair = loss_pair(sight, "cross_entropy", "nll_loss")
    if pair is None:
        return None
    _, _, name, target = pair
    return Said(f"`{name}` is {target.dtype}; labels have to be torch.int64.", code=f"{name} = {name}.long()")


PATTERN = Pattern(
    "cross-entropy-target-dtype",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"expected target dtype to be Long or Byte, but got (\w+)",
        r"expected scalar type Long but found (\w+)",
        r""""nll_loss\w*" not implemented for \'(\w+)\'""",
        r"Expected object of scalar type Long but got scalar type (\w+) for argument #2 'target'",
    ),
    what="The labels are {1}.",
    code="target = target.long()",
    tell=tell,
)
