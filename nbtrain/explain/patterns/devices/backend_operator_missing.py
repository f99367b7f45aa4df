"""An operation does not exist on this device.

What it is
Not every operation of torch was written for every device; Apple's MPS and sparse tensors lack some.

Why it happens
A new or rare operation, float64 on MPS, or a torch that was built without that device.

How to fix
Run this one on the CPU: set PYTORCH_ENABLE_MPS_FALLBACK=1 before torch is imported, or `x.cpu()`; use
float32 in place of float64.

Example
```text
NotImplementedError: The operator 'aten::_linalg_eigh' is not currently implemented for the MPS device.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "backend-operator-missing",
    __name__,
    kinds=("NotImplementedError", "RuntimeError", "TypeError"),
    texts=(
        r"The operator '([\w:.]+)' is not currently (?:implemented|supported) (?:for|on) the (\w+)",
        r"Could not run '([\w:.]+)' with arguments from the '(\w+)' backend",
        r"Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64",
    ),
)
