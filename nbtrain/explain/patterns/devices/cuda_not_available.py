"""This Python has no GPU that torch can use.

What it is
`.cuda()` or `device="cuda"` was used, and torch sees no NVIDIA GPU or was installed without CUDA.

Why it happens
The CPU version of torch, no driver, a notebook runtime without a GPU, or a machine with another kind of
GPU.

How to fix
Choose the device that is there. For the GPU: take a runtime with one (Colab: Runtime, Change runtime
type), or install torch with CUDA from pytorch.org.

Example
```text
AssertionError: Torch not compiled with CUDA enabled
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "cuda-not-available",
    __name__,
    kinds=("AssertionError", "RuntimeError"),
    texts=(
        r"Torch not compiled with CUDA enabled",
        r"Found no NVIDIA driver on your system",
        r"No CUDA GPUs are available",
        r"CUDA driver initialization failed|CUDA unknown error - this may be due to an incorrectly set up environment",
    ),
    code='device = "cuda" if torch.cuda.is_available() else "cpu"',
)
