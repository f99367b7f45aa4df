"""A batch cannot be pinned: it is on the GPU already.

What it is
`pin_memory=True` prepares batches in main memory for the way to the GPU.

Why it happens
The data set or the collate function moves samples to the GPU.

How to fix
Keep samples on the CPU, or leave `pin_memory` out.

Example
```text
RuntimeError: cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "pin-memory",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"cannot pin '([\w.]+)' only dense CPU tensors can be pinned",),
    what="It is a {1}.",
    code="DataLoader(dataset, pin_memory=False)",
)
