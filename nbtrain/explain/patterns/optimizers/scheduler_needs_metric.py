"""ReduceLROnPlateau has to be told the value it watches.

What it is
It lowers the learning rate when a value no longer falls, so each step needs that value.

Why it happens
The scheduler was exchanged, and `step()` stayed without an argument.

How to fix
Pass the validation loss: `scheduler.step(val_loss)`, once an epoch.

Example
```text
TypeError: ReduceLROnPlateau.step() missing 1 required positional argument: 'metrics'
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    names = list(sight.of_type("ReduceLROnPlateau"))
    losses = [
        name for name in sight.names if name in ("val_loss", "valid_loss", "validation_loss", "test_loss")
    ]
    if not names:
        return None
    return Said(
        f"`{names[0]}` is a ReduceLROnPlateau.", code=f"{names[0]}.step({(losses or ['val_loss'])[0]})"
    )


PATTERN = Pattern(
    "scheduler-needs-metric",
    __name__,
    kinds=("TypeError",),
    texts=(r"step\(\) missing 1 required positional argument: 'metrics'",),
    code="scheduler.step(val_loss)",
    tell=tell,
)
