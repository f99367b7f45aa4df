"""A recurrent layer got an input or a hidden state of another size.

What it is
The last dimension of the input has to be `input_size`; the hidden state is (layers × directions, batch,
hidden_size).

Why it happens
Batch and time are the other way round (`batch_first`), or the hidden state was made for another batch
size: the last batch is often smaller.

How to fix
Set `batch_first=True` where the batch stands first, and make the hidden state from the batch at hand:
`torch.zeros(layers, x.size(0), hidden)`.

Example
```text
RuntimeError: input.size(-1) must be equal to input_size. Expected 10, got 8
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import layer_line, shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    layer = sight.module
    given = sight.input_of(layer.module) if layer is not None else None
    if given is None or not hasattr(layer.module, "input_size"):
        return None
    module, kind = layer.module, type(layer.module).__name__
    order = "(batch, time, features)" if module.batch_first else "(time, batch, features)"
    what = (
        f"{layer.named} is {module}, which reads {order}; its input has shape {shape_of(given)}. "
        f"{found[1]} was expected, {found[2]} was given."
    )
    if not found[0].startswith("input.size"):
        return Said(what)
    made = f"nn.{kind}({given.shape[-1]}, {module.hidden_size}" + (
        ", batch_first=True)" if module.batch_first else ")"
    )
    return Said(what, code=layer_line(layer, made))


PATTERN = Pattern(
    "rnn-sizes",
    __name__,
    kinds=(*RUNTIME, "ValueError"),
    texts=(
        r"input\.size\(-1\) must be equal to input_size\. Expected (\d+), got (\d+)",
        r"Expected hidden(?:\[\d\])? size \(([\d, ]+)\), got \[([\d, ]+)\]",
        r"(?:GRU|LSTM|RNN): Expected input to be (\dD or \dD), got (\dD) instead",
        r"input must have (\d+) dimensions, got (\d+)",
    ),
    what="{1} was expected, {2} was given.",
    tell=tell,
)
