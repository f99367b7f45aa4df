"""A binary loss got values that are no probabilities.

What it is
`BCELoss` takes values from 0 to 1; here some are outside, or NaN.

Why it happens
The model gives scores (logits) without a sigmoid, or has diverged to NaN.

How to fix
Use `nn.BCEWithLogitsLoss()` on the scores, which is also steadier; where values are NaN look for the
step in which they became so.

Example
```text
RuntimeError: all elements of input should be between 0 and 1
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import loss_pair


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    pair = loss_pair(sight, "binary_cross_entropy")
    if pair is None:
        return None
    name, value = pair[:2] if found[1] == "input" else pair[2:]
    value = value.detach()
    broken = int((~value.isfinite()).sum())
    if broken:
        return Said(
            f"`{name}` holds {broken} values that are NaN or infinite.",
            fix="Look for the step in which they came: `%train explain nan-loss`.",
        )
    losses = [known for known, one in sight.of_type("BCELoss").items()]
    what = f"`{name}` goes from {float(value.min()):.3g} to {float(value.max()):.3g}."
    return Said(what, code=f"{(losses or ['criterion'])[0]} = nn.BCEWithLogitsLoss()")


PATTERN = Pattern(
    "probabilities-outside-range",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"all elements of (input|target) should be between 0 and 1",),
    what="Some elements of {1} are below 0, above 1, or NaN.",
    code="criterion = nn.BCEWithLogitsLoss()",
    tell=tell,
)
