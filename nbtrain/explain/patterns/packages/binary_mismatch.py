"""Packages were built for other versions of each other.

What it is
Compiled packages fit only certain versions of Python, numpy, torch and CUDA.

Why it happens
torchvision or torchaudio of another torch, numpy 2 with packages built for numpy 1, an upgrade of one
of them in a running kernel.

How to fix
Restart the kernel first. Then install them together: `%pip install -U torch torchvision torchaudio`;
for old packages `%pip install "numpy<2"`.

Example
```text
RuntimeError: operator torchvision::nms does not exist
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "binary-mismatch",
    __name__,
    kinds=("RuntimeError", "ImportError", "OSError", "ValueError", "AttributeError"),
    texts=(
        r"operator torchvision::nms does not exist",
        r"numpy\.dtype size changed, may indicate binary incompatibility",
        r"undefined symbol: \S*(?:c10|torch|at4?_|ncclComm|cublas|cusparse)",
        r"A module that was compiled using NumPy 1\.x cannot be run in",
        r"_ARRAY_API not found|numpy\.core\.multiarray failed to import",
        r"Numpy is not available",
    ),
    code="%pip install -U torch torchvision torchaudio",
)
