"""A tensor in the middle of a graph cannot be copied by deepcopy.

What it is
Only tensors made by hand can be; this one was computed.

Why it happens
`copy.deepcopy(model)` where the model keeps a computed tensor as an attribute, or uses weight_norm.

How to fix
Detach what the model keeps (`self.last = x.detach()`), or copy the weights:
`other.load_state_dict(model.state_dict())`.

Example
```text
RuntimeError: Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "copy-of-non-leaf",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"Only Tensors created explicitly by the user \(graph leaves\) support the deepcopy protocol",),
    code="x.detach().clone()",
)
