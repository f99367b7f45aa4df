"""The file holds more than weights, and torch no longer runs what it holds.

What it is
Since 2.6 `torch.load` reads only tensors and plain values; this file names classes or functions, which
would be run.

Why it happens
A whole model was saved (`torch.save(model)`), or a checkpoint with arguments, numpy numbers or a config
object in it.

How to fix
Of a file from somebody else: ask for weights only, or safetensors. Of your own: `weights_only=False`,
or allow the class named: `torch.serialization.add_safe_globals([...])`. Save `model.state_dict()` from
now on.

Example
```text
_pickle.UnpicklingError: Weights only load failed. This file can still be loaded, to do so you have two options ... WeightsUnpickler error: Unsupported global: GLOBAL numpy.core.multiarray.scalar was not an allowed global by default.
```
"""

from __future__ import annotations

import os
import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    file = sight.local("f", "load")
    if not isinstance(file, (str, os.PathLike)):
        return None
    name = sight.name_of(file) or repr(os.fspath(file))
    what = f"{os.fspath(file)} names `{found['named']}`." if found["named"] else ""
    return Said(
        what, code=f"torch.load({name}, weights_only=False)  # only for a file that you made yourself"
    )


PATTERN = Pattern(
    "weights-only",
    __name__,
    kinds=("UnpicklingError", "RuntimeError"),
    texts=(
        r"Weights only load failed(?![\s\S]*(?:Unsupported operand|invalid load key|unpickling stack underflow|pickle data was truncated|Invalid magic number))(?:[\s\S]*?GLOBAL (?P<named>[\w.]+))?",
    ),
    what="The file names `{named}`.",
    code="torch.load(path, weights_only=False)  # only for a file that you made yourself",
    tell=tell,
)
