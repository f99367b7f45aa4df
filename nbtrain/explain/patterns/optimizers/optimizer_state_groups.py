"""The saved state of an optimizer belongs to other parameters.

What it is
Number of groups or of parameters in a group differ between the file and this optimizer.

Why it happens
The model was changed (layers added, frozen ones left out), or groups are made in another way.

How to fix
Make model and optimizer as when it was saved, or begin with a new optimizer state and load only the
weights.

Example
```text
ValueError: loaded state dict contains a parameter group that doesn't match the size of optimizer's group
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "optimizer-state-groups",
    __name__,
    kinds=("ValueError",),
    texts=(
        r"loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
        r"loaded state dict has a different number of parameter groups",
    ),
)
