"""The scheduler was stepped more often than it was planned for.

What it is
OneCycleLR knows its whole course beforehand: `total_steps`, or `epochs` × `steps_per_epoch`.

Why it happens
It is stepped per batch and was made for epochs, the epochs were raised later, or a run was resumed.

How to fix
Make it with the number of optimizer steps there will be.

Example
```text
ValueError: Tried to step 101 times. The specified number of total steps is 100
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    names, loaders = list(sight.of_type("OneCycleLR")), list(sight.of_type("DataLoader"))
    if not names or not loaders:
        return None
    loader = next((name for name in loaders if "train" in name), loaders[0])
    optimizer = sight.name_of(sight.names[names[0]].optimizer, "optimizer")
    made = f"OneCycleLR({optimizer}, max_lr=..., epochs=epochs, steps_per_epoch=len({loader}))"
    return Said(code=f"{names[0]} = {made}")


PATTERN = Pattern(
    "scheduler-too-many-steps",
    __name__,
    kinds=("ValueError",),
    texts=(r"Tried to step (\d+) times\. The specified number of total steps is (\d+)",),
    what="Step {1} of {2}.",
    code="OneCycleLR(optimizer, max_lr=..., epochs=epochs, steps_per_epoch=len(train_loader))",
    tell=tell,
)
