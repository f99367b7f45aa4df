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

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "gradient-missing",
    __name__,
    kinds=("AttributeError",),
    texts=(r"'NoneType' object has no attribute '(zero_|detach_)'",),
    code="optimizer.zero_grad()  # in place of p.grad.zero_()",
)
