"""Tensors on different devices are used together.

What it is
Model and data have to be on one device; here one is on the GPU and another on the CPU.

Why it happens
The batch was not moved, or a tensor was made inside `forward` without `device=`, or a list of layers is
no nn.ModuleList and did not move with the model.

How to fix
Move the batch: `x = x.to(device)`. Make new tensors beside old ones: `torch.zeros(n, device=x.device)`.
Keep constants as buffers: `self.register_buffer(...)`.

Example
```text
RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import assigned


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    layer = sight.module
    given = sight.input_of(layer.module) if layer is not None else None
    weight = next(iter(layer.module.parameters(recurse=False)), None) if layer is not None else None
    if given is not None and weight is not None and given.device != weight.device:
        name = sight.name_of(given, "x")
        what = f"The input of {layer.named} is on {given.device} and its weights are on {weight.device}."
        return Said(what, fix="Move the input to the model.", code=f'{name} = {name}.to("{weight.device}")')
    shown = list(sight.tensors)
    devices = {str(value.device) for _, value in shown if hasattr(value, "device")}
    if len(devices) < 2:
        return None
    what = ", ".join(f"`{name}` is on {value.device}" for name, value in shown) + "."
    (_, one), (other, _) = shown[0], next(pair for pair in shown if pair[1].device != shown[0][1].device)
    return Said(what, fix="Bring them to one device.", code=assigned(other, f'{other}.to("{one.device}")'))


PATTERN = Pattern(
    "device-mismatch",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"Expected all tensors to be on the same device, but found at least two devices, ([\w:]+) and ([\w:]+)",
        r"Expected all tensors to be on the same device, but got \w+ is on ([\w:]+), different from other tensors on ([\w:]+)",
        r"Tensor on device ([\w:]+) is not on the expected device ([\w:]+)",
        r"Input type \((?:torch\.)?([\w.]*(?:cuda|CUDA|CPU|mps|torch\.FloatTensor)[\w.]*)\) and weight type \(([\w.]+)\) should be the same",
        r"indices should be either on cpu or on the same device as the indexed tensor \(([\w:]+)\)",
        r"Expected object of device type (\w+) but got device type (\w+)",
        r"Input and (?:parameter|hidden) tensors are not (?:on|at) the same device, found (?:input tensor at|them at) ([\w:]+) and (?:parameter tensor at )?([\w:]+)",
        r"Placeholder storage has not been allocated on MPS device",
        r"module must have its parameters and buffers on device ([\w:]+) \(device_ids\[0\]\) but found one of them on device: ([\w:]+)",
        r"Input type \((MPSFloatType|mps[\w.]*)\) and weight type \(([\w.]+)\) should be the same",
    ),
    what="One is on {1}, another on {2}.",
    code="x = x.to(next(model.parameters()).device)",
    tell=tell,
)
