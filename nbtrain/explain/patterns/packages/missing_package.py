"""A package is not installed in this kernel's Python.

What it is
An import or a feature needs a package that is not there.

Why it happens
It was installed into another environment than the kernel's, or never.

How to fix
Install it from a cell with `%pip` (not `!pip`), which takes the kernel's Python; then restart the
kernel.

Example
```text
ModuleNotFoundError: No module named 'transformers'
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern
from nbtrain.explain.patterns.packages import PIP_NAMES

_KNOWN = "|".join(PIP_NAMES)

PATTERN = Pattern(
    "missing-package",
    __name__,
    kinds=("ModuleNotFoundError", "ImportError", "MissingExtra", "RuntimeError"),
    texts=(
        rf"No module named '(?P<package>{_KNOWN})(?:\.[\w.]+)?'",
        r"(?:requires|requires the|need|install) `?(?P<package>accelerate|sentencepiece|protobuf|timm|bitsandbytes)\b",
        r"The package `(?P<package>[\w.-]+)` is needed [^\n]*, and it is not installed",
        r"(?P<package>safetensors) is not installed\. Please install \w+ with: pip install",
    ),
    what="`{package}` is not installed here.",
    code="%pip install {pip}",
    renamed=tuple(PIP_NAMES.items()),
)
