"""The system ended the process.

What it is
`Killed` alone is what a shell says of a process that was ended by a signal that it could not refuse.

Why it happens
Usually main memory ran out, and the system chose this process; or a scheduler's limit of time or memory
was reached.

How to fix
Look at `dmesg | grep -i oom` or the scheduler's log; smaller batches, fewer workers, data read piece by
piece.

Example
```text
Killed
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "process-killed",
    __name__,
    kinds=("Killed",),
    texts=(r"Killed(?: *\d+)?\s*(?:\n|$)",),
    short_of_memory=True,
)
