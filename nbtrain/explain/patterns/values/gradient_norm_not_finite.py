"""The gradients are NaN or infinite, and clipping refuses them.

What it is
`clip_grad_norm_(..., error_if_nonfinite=True)` stops where a gradient is no number.

Why it happens
The loss of this batch is NaN or infinite, or a gradient overflowed under float16.

How to fix
Find the batch: `torch.isfinite(loss)` before the backward pass; under float16 use a GradScaler and
`scaler.unscale_(optimizer)` before clipping, or bfloat16; lower the learning rate where the loss grew
before.

Example
```text
RuntimeError: The total norm of order 2.0 for gradients from `parameters` is non-finite, so it cannot be clipped.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "gradient-norm-not-finite",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"The total norm of order [\d.]+ for gradients from `parameters` is non-finite",),
    code="if not torch.isfinite(loss):\n    print(x, y)  # the batch to blame",
)
