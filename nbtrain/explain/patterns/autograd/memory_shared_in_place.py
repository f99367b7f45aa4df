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

from nbtrain.explain.pattern import RUNTIME, Pattern

PATTERN = Pattern(
    "memory-shared-in-place",
    __name__,
    kinds=RUNTIME,
    texts=(r"unsupported operation: (?:more than one element of the written-to tensor refers|some elements of the input tensor and the written-to tensor refer) to a single memory location",),
    code="x = x.clone()",
)
