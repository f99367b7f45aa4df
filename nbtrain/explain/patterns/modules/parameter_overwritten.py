"""A tensor is to take the place of a parameter.

What it is
A name that holds an nn.Parameter or a buffer takes only another one, or None.

Why it happens
`self.w = self.w * 2`, `model.weight = torch.tensor(...)`, or a name used for two things.

How to fix
Wrap it, `nn.Parameter(value)`; or change its values: `with torch.no_grad(): model.weight.copy_(value)`.

Example
```text
TypeError: cannot assign 'torch.FloatTensor' as parameter 'w' (torch.nn.Parameter or None expected)
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
        if isinstance(node, ast.Assign) and found[1].endswith("Tensor"):
            target, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
            return Said(code=f"with torch.no_grad():\n    {target}.copy_({value})")
    return None


PATTERN = Pattern(
    "parameter-overwritten",
    __name__,
    kinds=("TypeError",),
    texts=(r"cannot assign '([\w.]+)' (?:object )?(?:as parameter|to buffer|as buffer) '(\w+)'",),
    what="`{2}` cannot become a {1}.",
    code="with torch.no_grad():\n    model.weight.copy_(value)",
    tell=tell,
)
