"""A random generator is on another device than the numbers it should draw.

What it is
A generator draws on the device it was made for.

Why it happens
`torch.set_default_device("cuda")` or default tensor type CUDA with a DataLoader, whose sampler draws on
the CPU.

How to fix
Give the loader a generator of the right device, or leave the default device at the CPU.

Example
```text
RuntimeError: Expected a 'cuda' device type for generator but found 'cpu'
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import RUNTIME, Pattern

PATTERN = Pattern(
    "generator-device",
    __name__,
    kinds=RUNTIME,
    texts=(r"Expected a '(\w+)' (?:generator )?device type for generator but found '(\w+)'",),
    what="{1} was expected, the generator is on {2}.",
    code='DataLoader(dataset, shuffle=True, generator=torch.Generator(device="cuda"))',
)
