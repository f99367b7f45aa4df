"""There is no gradient yet.

What it is
`.grad` is None until a backward pass has filled it, and after `zero_grad()`, which sets it to None.

Why it happens
`x.grad.zero_()` before the first backward, a parameter that the loss does not depend on, or the
gradient of a computed tensor, which keeps none.

How to fix
Ask first (`if p.grad is not None`), use `optimizer.zero_grad()`, and `y.retain_grad()` for a computed
tensor.

Example
```text
AttributeError: 'NoneType' object has no attribute 'zero_'
```
"""

from __future__ import annotations

import ast
import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import nodes_of_line


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for node in nodes_of_line(raised):
        if isinstance(node, ast.Attribute) and node.attr == found[1]:
            owner = ast.unparse(node.value)
            return Said(f"`{owner}` is None.", code=f"if {owner} is not None:\n    {owner}.{found[1]}()")
    return None


PATTERN = Pattern(
    "gradient-missing",
    __name__,
    kinds=("AttributeError",),
    texts=(r"'NoneType' object has no attribute '(zero_)'",),
    texts_inside=(r"'NoneType' object has no attribute '(detach_)'",),
    code="optimizer.zero_grad()  # in place of p.grad.zero_()",
    inside=r"\.grad\.detach_\(",
    tell=tell,
)
