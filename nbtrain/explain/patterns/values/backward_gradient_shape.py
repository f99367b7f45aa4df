"""The gradient passed to backward() has another shape than the tensor.

What it is
`y.backward(gradient)` needs one number for each element of y.

Why it happens
A gradient of another output, or of a batch of another size.

How to fix
Pass a tensor of the same shape: `torch.ones_like(y)`.

Example
```text
RuntimeError: Mismatch in shape: grad_output[0] has a shape of torch.Size([4]) and output[0] has a shape of torch.Size([3]).
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "backward-gradient-shape",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"Mismatch in shape: grad_output\[\d+\] has a shape of torch\.Size\(\[([\d, ]*)\]\) and output\[\d+\] has a shape of torch\.Size\(\[([\d, ]*)\]\)",
    ),
    what="The gradient has shape ({1}), the output ({2}).",
    code="y.backward(torch.ones_like(y))",
)
