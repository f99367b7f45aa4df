"""A tensor whose elements share memory is overwritten.

What it is
`expand` and broadcasting show one element many times; an operation in place would write it many times.

Why it happens
`x.expand(...)` followed by `+=`, `x[...] = ` or `mul_`.

How to fix
Copy first: `x = x.clone()`; or write `x = x + ...`.

Example
```text
RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.
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
        shared = any(step == 0 and size > 1 for step, size in zip(value.stride(), value.shape, strict=True))
        if shared:
            return Said(f"`{name}` shows elements more than once.", code=assigned(name, f"{name}.clone()"))
    return None


PATTERN = Pattern(
    "memory-shared-in-place",
    __name__,
    kinds=RUNTIME,
    texts=(r"unsupported operation: (?:more than one element of the written-to tensor refers|some elements of the input tensor and the written-to tensor refer) to a single memory location",),
    code="x = x.clone()",
    tell=tell,
)
