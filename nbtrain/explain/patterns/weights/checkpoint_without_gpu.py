"""The weights were saved on a GPU, and there is none here.

What it is
Tensors in the file remember the device they were on.

Why it happens
A model trained on a GPU is loaded on a machine without one.

How to fix
Say where they should go: `map_location`.

Example
```text
RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "checkpoint-without-gpu",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"Attempting to deserialize object on a (\w+) device but torch\.(?:cuda\.is_available|backends\.mps\.is_available)",
    ),
    code='torch.load(path, map_location="cpu")',
)
