"""backward() was called on a tensor with several elements.

What it is
A gradient is that of one number.

Why it happens
The loss is not reduced (`reduction="none"`), or `backward` is called on the model's output.

How to fix
Take the mean or the sum first: `loss.mean().backward()`.

Example
```text
RuntimeError: grad can be implicitly created only for scalar outputs
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for name, value in sight.tensors:
        if value.numel() != 1:
            return Said(f"`{name}` has shape {shape_of(value)}.", code=f"{name}.mean().backward()")
    return None


PATTERN = Pattern(
    "backward-not-scalar",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"grad can be implicitly created only for scalar outputs",),
    code="loss.mean().backward()",
    tell=tell,
)
