"""Minus is not defined for tensors of truths.

What it is
torch has no subtraction or negation of bool.

Why it happens
A mask is inverted by `1 - mask` or `-mask`, or truths are subtracted like numbers.

How to fix
Invert with `~mask`; count with `mask.long()`, subtract with `mask.float()`.

Example
```text
RuntimeError: Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.
```
"""

from __future__ import annotations

import ast
import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import nodes_of_line


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    masks = {name for name, value in sight.tensors if str(value.dtype) == "torch.bool"}
    for node in nodes_of_line(raised):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            sides, inverts = [node.operand], True
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            sides = [node.left, node.right]
            inverts = isinstance(node.left, ast.Constant) and node.left.value == 1
        else:
            continue
        truths = list(dict.fromkeys(name for name in map(ast.unparse, sides) if name in masks))
        if truths:
            what = " and ".join(f"`{name}` is torch.bool" for name in truths) + "."
            return Said(what, code=f"~{truths[0]}" if inverts else _of_numbers(sides, masks))
    return None


def _of_numbers(sides: list[ast.expr], masks: set[str]) -> str:
    """Return the difference with numbers in place of truths."""
    left, right = (
        ast.parse(f"({ast.unparse(side)}).float()", mode="eval").body if ast.unparse(side) in masks else side
        for side in sides
    )
    return ast.unparse(ast.BinOp(left, ast.Sub(), right))


PATTERN = Pattern(
    "bool-arithmetic",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"(?:Subtraction|Negation), the `-` operator, (?:with|on) (?:a|two) bool tensors? is not supported",
    ),
    codes=((r"two bool tensors", "a.float() - b.float()"),),
    code="~mask  # in place of 1 - mask; mask.float() in other subtractions",
    tell=tell,
)
