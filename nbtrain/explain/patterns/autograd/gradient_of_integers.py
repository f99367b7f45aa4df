"""Whole numbers cannot have a gradient.

What it is
Gradients exist for floating point only.

Why it happens
A parameter or an input was made from integers: `torch.tensor([1, 2])`, `nn.Parameter(ids)`.

How to fix
Make it float: `torch.tensor([1.0, 2.0], requires_grad=True)`; keep whole numbers as buffers.

Example
```text
RuntimeError: Only Tensors of floating point and complex dtype can require gradients
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "gradient-of-integers",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"[Oo]nly Tensors of floating point (?:and complex )?dtype can require gradients",),
    code="x = x.float().requires_grad_()",
)
