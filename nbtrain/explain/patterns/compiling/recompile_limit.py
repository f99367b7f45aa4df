"""torch.compile compiled a function too often.

What it is
Each new kind of input (shape, type, value) makes a new version, up to a limit.

Why it happens
Shapes that change in each batch, or a Python number that changes in each call.

How to fix
`torch.compile(model, dynamic=True)`, pad to few lengths, `drop_last=True`, or pass the number as a
tensor.

Example
```text
torch._dynamo.exc.CacheLimitExceeded: cache_size_limit reached
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "recompile-limit",
    __name__,
    kinds=(),
    texts=(r"(?:cache_size_limit|recompile_limit) (?:reached|exceeded)",),
    code="model = torch.compile(model, dynamic=True)",
)
