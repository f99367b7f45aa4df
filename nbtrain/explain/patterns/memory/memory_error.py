"""Python could not get memory.

What it is
The process asked the system for memory, and there was none left.

Why it happens
A list or an array that grows without end, or a size computed wrongly.

How to fix
Look at what grows in the line named; read data piece by piece; restart the kernel to begin with an
empty memory.

Example
```text
MemoryError
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "memory-error",
    __name__,
    kinds=("MemoryError",),
    texts=(r"^\s*$",),
    short_of_memory=True,
)
