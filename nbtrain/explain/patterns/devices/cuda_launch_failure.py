"""A kernel on the GPU failed: it read where it must not, or a library of the GPU failed.

What it is
CUDA, cuBLAS or cuDNN report a failure that is not a check of torch's.

Why it happens
An index out of range, memory that was nearly full, a driver that does not fit torch's CUDA, or
hardware. The line shown may be later than the one that failed.

How to fix
Restart the kernel, set CUDA_LAUNCH_BLOCKING=1 before torch is imported and run once more; run the batch
on the CPU to see whether an index is wrong; try a smaller batch.

Example
```text
RuntimeError: CUDA error: an illegal memory access was encountered
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "cuda-launch-failure",
    __name__,
    kinds=("RuntimeError", "AcceleratorError"),
    texts=(
        r"CUDA error: (an illegal memory access was encountered|unspecified launch failure|misaligned address|an illegal instruction was encountered)",
        r"CUDA error: (CUBLAS_STATUS_(?!ALLOC_FAILED)\w+)",
        r"cuDNN error: (CUDNN_STATUS_(?!ALLOC_FAILED)\w+)",
        r"(Unable to find a valid cuDNN algorithm to run convolution|GET was unable to find an engine to execute this computation)",
    ),
    what="It said: {1}.",
)
