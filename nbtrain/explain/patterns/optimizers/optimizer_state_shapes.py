"""The optimizer's state has other shapes than the parameters.

What it is
Momentum and the like have the shape of the parameter they were made for.

Why it happens
A state was loaded for a model of another size, parameters come in another order, or a parameter was
replaced (`model.fc = nn.Linear(...)`) after the optimizer was made.

How to fix
Make the optimizer after the model is complete; do not load the state of another model.

Example
```text
RuntimeError: output with shape [1, 1] doesn't match the broadcast shape [1, 2]
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "optimizer-state-shapes",
    __name__,
    kinds=("RuntimeError",),
    texts=(),
    texts_inside=(
        r"output with shape \[([\d, ]*)\] doesn't match the broadcast shape \[([\d, ]*)\]",
        r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension \d+",
    ),
    what="The parameter and its state differ: {1} and {2}.",
    inside=r"torch/optim/",
)
