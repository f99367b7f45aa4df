"""The state given to an LSTM is not its pair of states.

What it is
An LSTM takes and gives (hidden, cell), a tuple of two tensors; a GRU or RNN one tensor. Each is
(layers, batch, hidden).

Why it happens
`lstm(x, h)` with one tensor, or states of another number of dimensions than the input.

How to fix
Pass both: `lstm(x, (h, c))`; leave the state out for zeros.

Example
```text
RuntimeError: For batched 3-D input, hx and cx should also be 3-D but got (2-D, 2-D) tensors
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import AT_STATE


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    layer = sight.module
    if layer is None or not hasattr(layer.module, "hidden_size"):
        return None
    kind = type(layer.module).__name__
    if kind == "LSTM":
        return Said(f"{layer.named} is an LSTM.", code=f"output, (h, c) = {layer.code}(x, (h, c))")
    return Said(
        f"{layer.named} is a {kind}.", fix=f"A {kind} takes one tensor.", code=f"output, h = {layer.code}(x, h)"
    )


PATTERN = Pattern(
    "lstm-state",
    __name__,
    kinds=("RuntimeError", "IndexError", "AttributeError"),
    texts=(r"For (?:un)?batched \d-D input, hx(?: and cx)? should also be \d-D but got",),
    texts_inside=(
        r"index 1 is out of bounds for dimension 0 with size 1",
        r"'tuple' object has no attribute '(?:dim|size)'",
    ),
    code="output, (h, c) = lstm(x, (h, c))",
    inside=AT_STATE,
    tell=tell,
)
