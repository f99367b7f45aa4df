"""A tensor cannot be expanded to that shape.

What it is
Only dimensions of size 1 can be expanded; this one has another size.

Why it happens
Often a sequence longer than the positions a model was made for, or a slice assigned to one of another
size.

How to fix
Cut the sequence (`truncation=True, max_length=...`), make the position embedding longer, or `unsqueeze`
the dimension that is to be repeated.

Example
```text
RuntimeError: The expanded size of the tensor (600) must match the existing size (512) at non-singleton dimension 1.  Target sizes: [8, 600].  Tensor sizes: [1, 512]
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import RUNTIME, Pattern

PATTERN = Pattern(
    "expand-size",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"The expanded size of the tensor \((\d+)\) must match the existing size \((\d+)\) at non-singleton dimension (\d+)",
        r"shape mismatch: value tensor of shape \[([\d, ]*)\] cannot be broadcast to indexing result of shape \[([\d, ]*)\]",
    ),
    what="{1} are wanted, and there are {2}.",
)
