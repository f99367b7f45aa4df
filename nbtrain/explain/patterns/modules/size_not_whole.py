"""A size has to be a whole number.

What it is
The sizes of layers and tensors are integers.

Why it happens
A division with `/` (`hidden / 2` is a float), a size read as text, or a tuple where one number is
meant.

How to fix
Divide with `//`, or convert: `int(size)`.

Example
```text
TypeError: empty(): argument 'size' failed to unpack the object at pos 2 with error "type must be tuple of ints,but got float"
```
"""

from __future__ import annotations

import ast
import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import nodes_of_line, with_node


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    nodes = nodes_of_line(raised)
    divisions = [one for one in nodes if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Div)]
    if len(divisions) != 1:
        return None
    whole = ast.unparse(ast.BinOp(divisions[0].left, ast.FloorDiv(), divisions[0].right))
    return Said(
        f"`{ast.unparse(divisions[0])}` is a float, as every division with `/` is.",
        code=with_node(raised, divisions[0], whole),
    )


PATTERN = Pattern(
    "size-not-whole",
    __name__,
    kinds=("TypeError",),
    texts=(
        r"(\w+)\(\): argument 'size'(?: \(position \d+\))? (?:failed to unpack the object at pos (\d+) with error .type must be tuple of ints,but got (\w+)|must be tuple of ints, (?:but found element of type|not) (\w+))",
        r"(\w+)\(\) received an invalid combination of arguments - got \(tuple, (?:dtype=\w+, )?device=\w+\)",
    ),
    code="nn.Linear(hidden // 2, 10)  # whole numbers: // in place of /",
    tell=tell,
)
