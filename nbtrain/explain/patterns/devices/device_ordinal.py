"""That GPU does not exist.

What it is
A GPU by that number is not on this machine.

Why it happens
Code or a checkpoint from a machine with more GPUs, or CUDA_VISIBLE_DEVICES hides some: they are
numbered anew from 0.

How to fix
Use "cuda:0", and look at `torch.cuda.device_count()`. For a checkpoint: `torch.load(path,
map_location="cuda:0")`.

Example
```text
RuntimeError: CUDA error: invalid device ordinal
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "device-ordinal",
    __name__,
    kinds=("RuntimeError", "AcceleratorError", "AssertionError"),
    texts=(
        r"CUDA error: invalid device ordinal",
        r"Attempting to deserialize object on CUDA device (\d+) but torch\.cuda\.device_count\(\) is (\d+)",
        r"Invalid device id",
    ),
    code='device = "cuda:0"',
)
