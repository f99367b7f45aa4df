"""A deterministic version of this operation does not exist.

What it is
`torch.use_deterministic_algorithms(True)` refuses what cannot be repeated bit for bit.

Why it happens
Some operations of the GPU add up in any order.

How to fix
Use another operation, set CUBLAS_WORKSPACE_CONFIG=:4096:8 where cuBLAS is named, or `warn_only=True`.

Example
```text
RuntimeError: adaptive_max_pool2d_backward_cuda does not have a deterministic implementation, but you set 'torch.use_deterministic_algorithms(True)'.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "deterministic-missing",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"(\S+) does not have a deterministic implementation, but you set 'torch\.use_deterministic_algorithms\(True\)'",
        r"Deterministic behavior was enabled with either `torch\.use_deterministic_algorithms\(True\)`",
    ),
    code="torch.use_deterministic_algorithms(True, warn_only=True)",
)
