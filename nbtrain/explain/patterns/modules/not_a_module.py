"""Something that is no layer stands where a layer is expected.

What it is
nn.Sequential, nn.ModuleList and `add_module` take modules only.

Why it happens
A function (`torch.relu`), a tensor or a list in nn.Sequential.

How to fix
Use the layer: `nn.ReLU()` in place of `torch.relu`; spread a list: `nn.Sequential(*layers)`.

Example
```text
TypeError: torch.FloatTensor is not a Module subclass
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "not-a-module",
    __name__,
    kinds=("TypeError",),
    texts=(
        r"([\w.]+) is not a Module subclass",
        r"cannot assign '([\w.]+)' (?:object )?(?:as child module|to parameter)",
    ),
    what="It is a {1}.",
    code="nn.Sequential(*layers)",
)
