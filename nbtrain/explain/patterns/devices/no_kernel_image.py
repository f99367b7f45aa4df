"""The installed torch has no code for this GPU.

What it is
torch was built for other generations of GPUs than this one.

Why it happens
A very new GPU with an older torch, or an old GPU that newer versions no longer support.

How to fix
Install a torch whose CUDA version knows the GPU (pytorch.org, Get started);
`torch.cuda.get_arch_list()` says which it knows.

Example
```text
RuntimeError: CUDA error: no kernel image is available for execution on the device
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "no-kernel-image",
    __name__,
    kinds=("RuntimeError", "AcceleratorError"),
    texts=(r"no kernel image is available for execution on the device",),
)
