"""The GradScaler found no gradients.

What it is
No parameter of this optimizer got a gradient since the last step.

Why it happens
`scaler.scale(loss).backward()` was left out, the optimizer holds other parameters than the model, or
the loss does not depend on them.

How to fix
Go back with `scaler.scale(loss).backward()` before `scaler.step(optimizer)`; make the optimizer from
the model that is trained.

Example
```text
AssertionError: No inf checks were recorded for this optimizer.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "scaler-no-gradients",
    __name__,
    kinds=("AssertionError",),
    texts=(
        r"No inf checks were recorded (?:for this optimizer|prior to update)",
        r"Attempted (?:step|unscale_) but _scale is None",
    ),
    code="scaler.scale(loss).backward()\nscaler.step(optimizer)\nscaler.update()",
)
