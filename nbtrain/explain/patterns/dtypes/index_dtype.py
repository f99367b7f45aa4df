"""An index has to be whole numbers.

What it is
Embeddings, gather and indexing take `long` (or `int`) tensors, masks take `bool`.

Why it happens
Token ids read as float, or a mask made by arithmetic.

How to fix
`ids = ids.long()`; a mask: `mask.bool()`.

Example
```text
RuntimeError: Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.FloatTensor instead (while checking arguments for embedding)
```
"""

from __future__ import annotations

import ast
import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import assigned, nodes_of_line


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    if found[0].startswith("tensors used as indices"):
        return _index(raised, sight)
    layer = sight.module
    given = sight.input_of(layer.module) if layer is not None else None
    named = [(sight.name_of(given, "x"), given)] if given is not None else list(sight.tensors)
    for name, value in reversed(named):
        if value.is_floating_point():
            return Said(f"`{name}` is {value.dtype}.", code=assigned(name, f"{name}.long()"))
    return None


def _index(raised: Raised, sight: Sight) -> Said | None:
    """Name the index in `x[index]`, not what is indexed; a call only where nothing else can be meant."""
    known = {name: value for name, value in sight.tensors if hasattr(value, "is_floating_point")}
    indexed = [node for node in nodes_of_line(raised) if isinstance(node, ast.Subscript)]
    parts = [(node, part) for node in indexed for part in _parts(node.slice)]
    for _, part in parts:
        name = ast.unparse(part)
        if name in known and known[name].is_floating_point():
            return Said(f"The index `{name}` is {known[name].dtype}.", code=assigned(name, f"{name}.long()"))
    if len(parts) == 1 and isinstance(parts[0][1], ast.Call):
        owner, name = (ast.unparse(one) for one in (parts[0][0].value, parts[0][1]))
        return Said(f"The index `{name}` is not of whole numbers.", code=f"{owner}[{name}.long()]")
    return None


def _parts(index: ast.expr) -> list[ast.expr]:
    return index.elts if isinstance(index, ast.Tuple) else [index]


PATTERN = Pattern(
    "index-dtype",
    __name__,
    kinds=(*RUNTIME, "IndexError"),
    texts=(
        r"Expected tensor for argument #1 'indices' to have (?:one of the following scalar types: Long, Int|scalar type Long); but got ([\w.]+)",
        r"tensors used as indices must be long, (?:int, )?byte or bool tensors",
        r"one_hot is only applicable to index tensor",
        r"(?:gather|scatter|index_select)\(\): Expected dtype int32/int64 for index",
    ),
    tell=tell,
)
