"""The GradScaler needs weights in float32.

What it is
Its gradients must not be in float16.

Why it happens
The model was turned to half precision by `.half()` or loaded as float16.

How to fix
Keep the model in float32 and let autocast choose; or train in bfloat16 without a scaler.

Example
```text
ValueError: Attempting to unscale FP16 gradients.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import listed


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for name, model in sight.models.items():
        halves = [path for path, one in model.named_parameters() if str(one.dtype) == "torch.float16"]
        if halves:
            return Said(
                f"`{name}` has {len(halves)} parameters in float16: {listed(halves)}.",
                code=f"{name} = {name}.float()",
            )
    return None


PATTERN = Pattern(
    "scaler-half-weights",
    __name__,
    kinds=("ValueError",),
    texts=(r"Attempting to unscale FP16 gradients",),
    code="model = model.float()",
    tell=tell,
)
