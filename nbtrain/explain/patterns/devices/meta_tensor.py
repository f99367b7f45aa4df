"""A tensor on the meta device has a shape and no numbers.

What it is
Models made under `device="meta"` or `low_cpu_mem_usage=True` have to get their weights before they are
moved or used.

Why it happens
Not all weights were in the checkpoint, or the model was moved by `.to(...)` before they were loaded.

How to fix
Use `model.to_empty(device=...)` and load the weights; with Hugging Face let `device_map` place the
model and leave `.to()` out.

Example
```text
NotImplementedError: Cannot copy out of meta tensor; no data!
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "meta-tensor",
    __name__,
    kinds=("NotImplementedError", "RuntimeError"),
    texts=(
        r"Cannot copy out of meta tensor; no data",
        r"Tensor\.item\(\) cannot be called on meta tensors",
    ),
    code='model = model.to_empty(device="cpu")',
)
