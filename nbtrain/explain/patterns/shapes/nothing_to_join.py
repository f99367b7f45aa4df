"""An empty list is to be joined.

What it is
`torch.stack` and `torch.cat` need at least one tensor.

Why it happens
A loop that should have filled the list did not run: an empty loader or split, a filter that kept
nothing, `drop_last=True` with fewer samples than a batch.

How to fix
Print the length of the list and of what it is made from; go on only where there is something.

Example
```text
RuntimeError: stack expects a non-empty TensorList
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import RUNTIME, Pattern

PATTERN = Pattern(
    "nothing-to-join",
    __name__,
    kinds=(*RUNTIME, "ValueError"),
    texts=(
        r"stack expects a non-empty TensorList",
        r"(?:torch\.)?cat\(\): expected a non-empty list of Tensors",
    ),
    code="len(loader), len(loader.dataset)",
)
