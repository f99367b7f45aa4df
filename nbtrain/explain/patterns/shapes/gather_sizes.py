"""The index of gather or scatter is larger than what it reads.

What it is
In every dimension but `dim` the index has to be at most as large as the tensor, with as many
dimensions.

Why it happens
Labels without a last dimension (`labels` in place of `labels.unsqueeze(1)`), or of another batch.

How to fix
Bring the index to the tensor's shape: `scores.gather(1, labels.unsqueeze(1)).squeeze(1)` takes each
sample's own score.

Example
```text
RuntimeError: Size does not match at dimension 0 expected index [4, 4] to be no larger than self [3, 4] apart from dimension 1
```
"""

from __future__ import annotations

import ast
import re
from typing import Any

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import nodes_of_line, shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    shown = [f"`{name}` has shape {shape_of(value)}" for name, value in sight.tensors]
    for node in nodes_of_line(raised):
        known, call = dict(sight.tensors), getattr(node, "func", None)
        if not isinstance(node, ast.Call) or getattr(call, "attr", "") != "gather" or len(node.args) < 2:
            continue
        read, index = ast.unparse(call.value), ast.unparse(node.args[1])
        dim = ast.unparse(node.args[0])
        if read in known and index in known and (lacks := _lacks(known[read], known[index], dim)) is not None:
            code = f"{read}.gather({dim}, {index}.unsqueeze({lacks})).squeeze({lacks})"
            return Said(", ".join(shown) + ".", code=code)
    return Said(", ".join(shown) + ".") if shown else None


def _lacks(read: Any, index: Any, dim: str) -> int | None:
    """Return the dimension that `dim` names where the index has all the others of what is read, and not it."""
    if not dim.removeprefix("-").isdigit() or not -read.dim() <= int(dim) < read.dim():
        return None
    at = int(dim) % read.dim()
    others = (*read.shape[:at], *read.shape[at + 1 :])
    if tuple(index.shape) != others:
        return None
    return -1 if at == read.dim() - 1 else at


PATTERN = Pattern(
    "gather-sizes",
    __name__,
    kinds=RUNTIME,
    texts=(
        r"Size does not match at dimension (\d+) expected index \[([\d, ]+)\] to be (?:no larger|smaller) than (?:self|src) \[([\d, ]+)\]",
        r"Index tensor must have the same number of dimensions as (?:input|self|src) tensor",
        r"Expected index \[([\d, ]+)\] to be (?:smaller|no larger) than (?:self|src) \[([\d, ]+)\]",
    ),
    code="scores.gather(1, labels.unsqueeze(1)).squeeze(1)  # of scores (samples, classes), labels (samples,)",
    tell=tell,
)
