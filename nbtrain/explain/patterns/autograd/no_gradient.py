"""backward() was called on something that has no gradient.

What it is
Nothing that led to the loss requires a gradient, so there is nothing to go back through.

Why it happens
The loss was computed under `torch.no_grad()`, all parameters are frozen, or the graph was cut by
`.detach()`, `.item()`, `.argmax()` or a way through numpy.

How to fix
Compute the loss from the model's output without those, outside of `no_grad`; unfreeze what should
learn: `p.requires_grad_(True)`.

Example
```text
RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn
```
"""

from __future__ import annotations

import re
import sys

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for name, model in sight.models.items():
        parameters = list(model.parameters())
        if parameters and not any(one.requires_grad for one in parameters):
            what = f"No parameter of `{name}` requires a gradient: all {len(parameters)} are frozen."
            fix = "Unfreeze what should learn."
            return Said(what, fix=fix, code=f"for p in {name}.parameters():\n    p.requires_grad_(True)")
    torch = sys.modules["torch"]
    if not torch.is_grad_enabled():
        return Said("Gradients are switched off here.", fix="Compute the loss outside of `torch.no_grad()`.")
    for name, value in sight.tensors:
        if not value.requires_grad:
            return Said(f"`{name}` has no gradient: it was cut from the model on its way.")
    return None


PATTERN = Pattern(
    "no-gradient",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"element \d+ of (?:tensors|variables) does not require grad and does not have a grad_fn",),
    tell=tell,
)
