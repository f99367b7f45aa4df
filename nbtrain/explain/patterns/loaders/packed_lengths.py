"""Lengths of a packed sequence are not as they have to be.

What it is
`pack_padded_sequence` takes lengths of at least 1, on the CPU, sorted unless told otherwise.

Why it happens
Sentences of length 0, unsorted batches, or lengths on the GPU.

How to fix
Use `enforce_sorted=False` and `lengths.cpu()`, and leave out empty samples.

Example
```text
RuntimeError: `lengths` array must be sorted in decreasing order when `enforce_sorted` is True.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "packed-lengths",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"`lengths` array must be sorted in decreasing order",
        r"[Ll]ength of all samples has to be greater than 0",
        r"'lengths' argument should be a 1D CPU int64 tensor",
    ),
    code="pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)",
)
