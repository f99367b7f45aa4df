"""A tensor on the GPU cannot become a numpy array.

What it is
numpy knows only the CPU's memory.

Why it happens
Plotting, scikit-learn and metrics take arrays, and the model's output is on the GPU.

How to fix
Bring it over first: `x.detach().cpu().numpy()`.

Example
```text
TypeError: can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "tensor-to-numpy-on-gpu",
    __name__,
    kinds=("TypeError",),
    texts=(r"can't convert ([\w:]+) device type tensor to numpy",),
    what="The tensor is on {1}.",
    code="x.detach().cpu().numpy()",
)
