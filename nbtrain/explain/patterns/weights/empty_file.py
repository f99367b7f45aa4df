"""The file to be loaded is empty.

What it is
Nothing was read: the end of the file came at once.

Why it happens
A save that was broken off, a file opened for writing before it was read, or a buffer that was not set
back.

How to fix
Look at its size; for a buffer call `buffer.seek(0)` before `torch.load(buffer)`.

Example
```text
EOFError
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "empty-file",
    __name__,
    kinds=("EOFError",),
    texts=(),
    texts_inside=(r"^\s*$",),
    code="buffer.seek(0)\nstate = torch.load(buffer)",
    inside=r"torch/serialization.py",
)
