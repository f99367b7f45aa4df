"""Tensors that are stacked have different shapes.

What it is
`torch.stack` puts tensors on top of each other; each has to have exactly the same shape.

Why it happens
Items of different lengths: sentences, recordings, boxes of an image.

How to fix
Pad them first: `torch.nn.utils.rnn.pad_sequence(items, batch_first=True)`.

Example
```text
RuntimeError: stack expects each tensor to be equal size, but got [3] at entry 0 and [4] at entry 1
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import RUNTIME, Pattern

PATTERN = Pattern(
    "stack-sizes",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"stack expects each tensor to be equal size, but got \[([\d, ]*)\] at entry (\d+) and \[([\d, ]*)\] at entry (\d+)",
    ),
    what="Item {2} has shape ({1}), item {4} ({3}).",
    code="batch = torch.nn.utils.rnn.pad_sequence(items, batch_first=True)",
    outside=r"_utils/collate.py",
)
