"""A worker of the loader gave no batch in the time allowed.

What it is
`timeout` of the loader passed.

Why it happens
A slow disk or network, a deadlock in the worker (a lock or a thread pool that was forked), or a too
short timeout.

How to fix
Run once with `num_workers=0`; set `timeout=0` to wait without end; switch off threads in the worker:
`cv2.setNumThreads(0)`.

Example
```text
RuntimeError: DataLoader timed out after 60 seconds
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "worker-timeout",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"DataLoader timed out after ([\d.]+) seconds",),
    what="{1} seconds passed.",
)
