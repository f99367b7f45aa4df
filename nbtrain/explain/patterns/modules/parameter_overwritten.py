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

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "parameter-overwritten",
    __name__,
    kinds=("TypeError",),
    texts=(r"cannot assign '([\w.]+)' (?:object )?(?:as parameter|to buffer|as buffer) '(\w+)'",),
    what="`{2}` cannot become a {1}.",
    code="with torch.no_grad():\n    model.weight.copy_(value)",
)
