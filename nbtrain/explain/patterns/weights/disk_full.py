"""The disk is full.

What it is
Nothing more can be written where the file was to go.

Why it happens
Checkpoints that were never removed, a cache of data sets, or a small disk of a notebook server.

How to fix
Look at the free space (`!df -h .`) and at the largest folders (`!du -sh * | sort -h`); keep fewer
checkpoints, or write to another disk. A file that was being written is damaged.

Example
```text
OSError: [Errno 28] No space left on device
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "disk-full",
    __name__,
    kinds=("OSError", "RuntimeError"),
    texts=(
        r"\[Errno 28\] No space left on device",
        r"\[Errno 122\] Disk quota exceeded",
        r"unexpected pos \d+ vs \d+",
    ),
    code="!df -h .",
)
