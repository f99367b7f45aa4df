"""An operation does not exist for this type of numbers.

What it is
Softmax, losses and many others work on floating point only; on the CPU some do not know half precision.

Why it happens
Whole numbers go where scores belong, or a model in half precision runs on the CPU.

How to fix
Convert to float: `x.float()`. On the CPU use float32 or bfloat16.

Example
```text
NotImplementedError: "softmax_lastdim_kernel_impl" not implemented for 'Long'
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import assigned


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for name, value in sight.tensors:
        if not getattr(value, "is_floating_point", lambda: True)():
            return Said(f"`{name}` is {value.dtype}.", code=assigned(name, f"{name}.float()"))
    return None


PATTERN = Pattern(
    "not-implemented-for-dtype",
    __name__,
    kinds=RUNTIME,
    texts=(
        r""""(?!nll_loss)(\w+)" not implemented for \'(\w+)\'""",
        r"std and var only support floating point and complex dtypes",
        r"mean\(\): could not infer output dtype\. Input dtype must be either a floating point or complex dtype\. Got: (\w+)",
        r"mean\(\): input dtype should be either floating point or complex dtypes\. Got (\w+) instead",
    ),
    tell=tell,
)
