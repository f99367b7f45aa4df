"""unscale_() was called twice in one step.

What it is
The GradScaler divides the gradients once per step.

Why it happens
Gradient accumulation or two clippings in one step, or a `step` that was skipped, so that `update` did
not come.

How to fix
Call `scaler.unscale_(optimizer)` once, right before clipping, and `scaler.update()` at the end of each
step.

Example
```text
RuntimeError: unscale_() has already been called on this optimizer since the last update().
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "scaler-unscaled-twice",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"unscale_\(\) (?:has already been called on this optimizer since the last update\(\)|is being called after step\(\))",
        r"step\(\) has already been called since the last update\(\)",
    ),
    code="scaler.unscale_(optimizer)\ntorch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\nscaler.step(optimizer)\nscaler.update()",
)
