"""A check inside the GPU failed, usually because an index or a label is out of range.

What it is
Kernels check indices on the device; when one fails the GPU is unusable until the process ends.

Why it happens
Class labels outside 0 to classes - 1 (the kernel says `t >= 0 && t < n_classes`), token ids beyond the
vocabulary (`srcIndex < srcSelectDimSize`), negative indices (`-sizes[i] <= index`), or values outside 0
to 1 in a binary loss (`input_val >= zero && input_val <= one`). The line shown may be later than the
one that failed, for the GPU works behind.

How to fix
Restart the kernel. Run the failing batch on the CPU, whose message names the index, or set
CUDA_LAUNCH_BLOCKING=1 before torch is imported, so that the line is right.

Example
```text
RuntimeError: CUDA error: device-side assert triggered
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "device-side-assert",
    __name__,
    kinds=("RuntimeError", "AcceleratorError"),
    texts=(
        r"device-side assert triggered[\s\S]*?Assertion `(?P<said>[^`]*)` failed",
        r"device-side assert triggered",
        r"Assertion `(?P<said>[^`]*)` failed",
    ),
    what="A kernel on the GPU refused a value it was given.",
    code='import os\nos.environ["CUDA_LAUNCH_BLOCKING"] = "1"  # in the first cell, after a restart',
)
