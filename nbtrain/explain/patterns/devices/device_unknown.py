"""There is no device of that name.

What it is
torch names its devices `cpu`, `cuda`, `cuda:1`, `mps`, `xpu`.

Why it happens
`gpu` or `GPU:0`, as other libraries say, or a device object turned into text wrongly.

How to fix
Use `cuda`, where `torch.cuda.is_available()`.

Example
```text
RuntimeError: Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, vulkan, mps, meta, hpu, mtia, privateuseone device type at start of device string: gpu
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    code = raised.place.code.strip() if raised.place is not None else ""
    said, changes = re.subn(r"(['\"])gpu(['\"])", r"\1cuda\2", code)
    return Said(code=said) if found[1] == "gpu" and changes else None


PATTERN = Pattern(
    "device-unknown",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"Expected one of cpu, cuda[\w, ]* device type at start of device string: (\S+)",
        r"Invalid device string: '([^']*)'",
    ),
    what="`{1}` is no device.",
    code='device = "cuda" if torch.cuda.is_available() else "cpu"',
    tell=tell,
)
