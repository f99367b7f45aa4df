"""Loader workers cannot pass their batches on: shared memory or file handles are used up.

What it is
Workers hand tensors over through shared memory (/dev/shm), one file each.

Why it happens
Containers have 64 MB of shared memory unless told otherwise; many tensors in a batch use up the file
handles.

How to fix
Start the container with `--shm-size=8g` or `--ipc=host`; or `num_workers=0`; or
`torch.multiprocessing.set_sharing_strategy("file_system")`; raise `ulimit -n`.

Example
```text
RuntimeError: DataLoader worker (pid 9833) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. Please try to raise your shared memory limit.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "shared-memory",
    __name__,
    kinds=("RuntimeError", "OSError"),
    texts=(
        r"killed by signal: Bus error",
        r"[Uu]nexpected bus error encountered in worker\. This might be caused by insufficient shared memory",
        r"unable to (?:open shared memory object|mmap \d+ bytes from file|write to file|allocate shared memory(?:\(shm\))?(?: for file)?) ?</?torch_",
        r"received 0 items of ancdata",
        r"Too many open files\. Communication with the workers is no longer possible",
    ),
    texts_inside=(r"\[Errno 24\] Too many open files",),
    code='torch.multiprocessing.set_sharing_strategy("file_system")',
    inside=r"multiprocessing/",
)
