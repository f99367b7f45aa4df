"""CUDA was used in a process that was forked after CUDA had started.

What it is
A forked process cannot use the CUDA of its parent.

Why it happens
A data set moves its items to the GPU inside the loader's workers, or processes are forked after the GPU
was used.

How to fix
Keep items on the CPU in the data set and move the batch in the loop; or start workers with
`multiprocessing_context="spawn"`.

Example
```text
RuntimeError: Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must use the 'spawn' start method
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "cuda-in-forked-process",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"Cannot re-initialize CUDA in forked subprocess",),
    code="x = x.to(device)  # in the loop, not in the data set",
)
