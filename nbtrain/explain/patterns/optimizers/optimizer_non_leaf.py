"""The optimizer was given a computed tensor.

What it is
Only tensors made by hand (leaves) can be optimised.

Why it happens
`.to(device)`, `.float()` or arithmetic after `requires_grad=True` makes a new tensor.

How to fix
Make the tensor on its device at once, or switch the gradient on at the end: `x = torch.randn(n,
device=device).requires_grad_()`.

Example
```text
ValueError: can't optimize a non-leaf Tensor
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "optimizer-non-leaf",
    __name__,
    kinds=("ValueError",),
    texts=(r"can't optimize a non-leaf Tensor",),
    code="x = x.detach().requires_grad_()",
)
