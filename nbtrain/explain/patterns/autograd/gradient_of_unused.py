"""A gradient was asked for something the loss does not depend on.

What it is
autograd.grad found no way from the output to this input.

Why it happens
A part of the model was not used, or the input was detached or copied on its way.

How to fix
Use the very tensor that went into the model, or `allow_unused=True`, which gives None.

Example
```text
RuntimeError: One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "gradient-of-unused",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"appears to not have been used in the graph\. Set allow_unused=True",
        r"One of the differentiated Tensors does not require grad",
    ),
    code="torch.autograd.grad(loss, x, allow_unused=True)",
)
