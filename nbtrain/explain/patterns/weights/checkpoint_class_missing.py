"""The file needs a class that is not defined here.

What it is
A whole object was saved (`torch.save(model)`); Python looks for its class where it was defined then.

Why it happens
The class was defined in another notebook or script, renamed, or moved.

How to fix
Define or import the class under the same name before loading; save `model.state_dict()` in place of the
model.

Example
```text
AttributeError: Can't get attribute 'Net' on <module '__main__' (built-in)>
```
"""

from __future__ import annotations

from nbtrain.explain.pattern import Pattern

PATTERN = Pattern(
    "checkpoint-class-missing",
    __name__,
    kinds=("AttributeError", "ModuleNotFoundError"),
    texts=(),
    texts_inside=(r"Can't get attribute '([\w.]+)' on <module '([\w.]+)'",),
    what="`{1}` was looked for in `{2}`.",
    code="torch.save(model.state_dict(), path)",
    inside=r"torch/serialization.py",
)
