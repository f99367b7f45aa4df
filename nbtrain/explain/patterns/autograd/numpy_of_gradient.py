"""A tensor that carries a gradient cannot become a numpy array.

What it is
numpy would break the graph without a word.

Why it happens
Plotting or computing a metric from the model's output.

How to fix
Cut it first: `x.detach().numpy()`, on the GPU `x.detach().cpu().numpy()`; or evaluate under
`torch.no_grad()`.

Example
```text
RuntimeError: Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    names = [name for name, value in sight.tensors if getattr(value, "requires_grad", False)]
    return (
        Said(f"`{names[0]}` carries a gradient.", code=f"{names[0]}.detach().cpu().numpy()")
        if names
        else None
    )


PATTERN = Pattern(
    "numpy-of-gradient",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"Can't call numpy\(\) on (?:Tensor|Variable) that requires grad",),
    code="x.detach().cpu().numpy()",
    tell=tell,
)
