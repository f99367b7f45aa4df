"""A tensor made under inference_mode is used in training.

What it is
Such tensors keep no record and can never be part of a graph.

Why it happens
Features or weights were computed under `torch.inference_mode()` and go into a training step.

How to fix
Use `torch.no_grad()` in place of `inference_mode`, or copy the tensor: `x.clone()`.

Example
```text
RuntimeError: Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal tensor and use it in autograd.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import assigned


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    for name, value in sight.tensors:
        if hasattr(value, "is_inference") and value.is_inference():
            return Said(f"`{name}` was made in inference mode.", code=assigned(name, f"{name}.clone()"))
    return None


PATTERN = Pattern(
    "inference-tensor",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"Inference tensors cannot be saved for backward",
        r"Inplace update to inference tensor outside InferenceMode is not allowed",
        r"Setting requires_grad=True on inference tensor outside InferenceMode is not allowed",
    ),
    code="x = x.clone()",
    tell=tell,
)
