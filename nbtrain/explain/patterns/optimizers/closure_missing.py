"""This optimizer needs a function that computes the loss.

What it is
LBFGS evaluates the loss several times a step.

Why it happens
It was put in the place of SGD or Adam in an ordinary loop.

How to fix
Pass a closure that zeroes gradients, computes the loss, goes back and returns it.

Example
```text
TypeError: LBFGS.step() missing 1 required positional argument: 'closure'
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "closure-missing",
    __name__,
    kinds=("TypeError",),
    texts=(r"step\(\) missing 1 required positional argument: 'closure'",),
    code="def closure():\n    optimizer.zero_grad()\n    loss = criterion(model(x), y)\n    loss.backward()\n    return loss\n\noptimizer.step(closure)",
)
