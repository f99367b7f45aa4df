"""A layer gave a tuple where a tensor was expected.

What it is
LSTM, GRU and RNN give (output, state), MultiheadAttention (output, weights), and many models a tuple or
an output object.

Why it happens
The result of such a layer is used like a tensor, often in an nn.Sequential.

How to fix
Take the tensor out: `output, _ = self.lstm(x)`, or `[0]`; of a model of Hugging Face `.logits` or
`.last_hidden_state`.

Example
```text
AttributeError: 'tuple' object has no attribute 'size'
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    name = next((name for name, value in sight.line_values if isinstance(value, tuple)), "")
    place = raised.place
    if not name or place is None:
        return None
    what = f"`{name}` is a tuple."
    return Said(what, code=place.code.strip().replace(f"{name}.{found[1]}", f"{name}[0].{found[1]}"))


PATTERN = Pattern(
    "output-is-tuple",
    __name__,
    kinds=("AttributeError",),
    texts=(r"'tuple' object has no attribute '(size|shape|dim|view|reshape|permute|transpose|mean|squeeze|unsqueeze|float|to|detach|argmax|softmax|contiguous|flatten|relu)'",),
    code="output, _ = self.lstm(x)",
    outside="nn/modules/rnn.py",
    tell=tell,
)
