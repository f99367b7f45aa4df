"""Under DistributedDataParallel some parameters got no gradient.

What it is
DDP waits for the gradient of every parameter.

Why it happens
A branch of the model was not used in this step, or an output does not reach the loss.

How to fix
Use every parameter, freeze those that are not used, or `DistributedDataParallel(model,
find_unused_parameters=True)`.

Example
```text
RuntimeError: Expected to have finished reduction in the prior iteration before starting a new one.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "ddp-unused-parameters",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"Expected to have finished reduction in the prior iteration before starting a new one",
        r"Expected to mark a variable ready only once",
        r"DistributedDataParallel is not needed when a module doesn't have any parameter that requires a gradient",
    ),
    code="model = DistributedDataParallel(model, find_unused_parameters=True)",
)
