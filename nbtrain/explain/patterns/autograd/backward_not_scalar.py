"""backward() was called on a tensor with several elements.

What it is
A gradient is that of one number.

Why it happens
The loss is not reduced (`reduction="none"`), or `backward` is called on the model's output.

How to fix
Take the mean or the sum first: `loss.mean().backward()`.

Example
```text
RuntimeError: grad can be implicitly created only for scalar outputs
```
"""

from __future__ import annotations

import ast
import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import nodes_of_line, shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    said = _before_backward(raised)
    value = dict(sight.tensors).get(said)
    what = "" if value is None else f"`{said}` has shape {shape_of(value)}."
    return Said(what, code=f"{said}.mean().backward()" if said else "")


def _before_backward(raised: Raised) -> str:
    """Return the expression whose `backward` is called, "" where the line does not show it."""
    calls = (node.func for node in nodes_of_line(raised) if isinstance(node, ast.Call))
    owner = next((one.value for one in calls if isinstance(one, ast.Attribute) and one.attr == "backward"), None)
    if owner is None:
        return ""
    plain = isinstance(owner, (ast.Name, ast.Attribute, ast.Subscript, ast.Call))
    return ast.unparse(owner) if plain else f"({ast.unparse(owner)})"


PATTERN = Pattern(
    "backward-not-scalar",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"grad can be implicitly created only for scalar outputs",),
    code="loss.mean().backward()",
    tell=tell,
)
