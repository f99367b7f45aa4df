"""requires_grad was changed on a computed tensor.

What it is
Only tensors made by hand can be switched; a computed one follows from its inputs.

Why it happens
Freezing a layer's output in place of its parameters.

How to fix
Freeze parameters (`p.requires_grad_(False)`), or cut the tensor: `x.detach()`.

Example
```text
RuntimeError: you can only change requires_grad flags of leaf variables.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "requires-grad-of-non-leaf",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"you can only change requires_grad flags of leaf variables",),
    code="x = x.detach()",
)
