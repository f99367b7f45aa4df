"""A tuple where a tensor was expected.

What it is
LSTM, GRU and RNN give (output, state), MultiheadAttention (output, weights), many models a tuple or an
output object, and data sets (input, target).

Why it happens
The result of such a layer is used like a tensor, often in an nn.Sequential; or a sample or a batch is not
taken apart.

How to fix
Take the tensor out: `output, _ = self.lstm(x)`, `x, y = dataset[0]`, or `[0]`; of a model of Hugging Face `.logits` or
`.last_hidden_state`.

Example
```text
AttributeError: 'tuple' object has no attribute 'size'
```
"""

from __future__ import annotations

import ast
import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import AT_STATE, owner_of, with_node


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    known = dict(sight.line_values)
    owner = owner_of(raised, found[1], lambda name: isinstance(known.get(name, ()), tuple))
    if owner is None:
        return None
    name = ast.unparse(owner)
    return Said(f"`{name}` is a tuple.", code=with_node(raised, owner, f"{name}[0]"))


PATTERN = Pattern(
    "output-is-tuple",
    __name__,
    kinds=("AttributeError",),
    texts=(
        r"'tuple' object has no attribute '(size|shape|dim|view|reshape|permute|transpose|mean|squeeze|unsqueeze|float|to|detach|argmax|softmax|contiguous|flatten|relu)'",
    ),
    code="output, _ = self.lstm(x)",
    outside=AT_STATE,
    tell=tell,
)
