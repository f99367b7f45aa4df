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

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "output-is-tuple",
    __name__,
    kinds=("AttributeError",),
    texts=(r"'tuple' object has no attribute '(size|shape|dim|view|reshape|permute|transpose|mean|squeeze|unsqueeze|float|to|detach|argmax|softmax|contiguous|flatten|relu)'",),
    code="output, _ = self.lstm(x)",
    outside="nn/modules/rnn.py",
)
