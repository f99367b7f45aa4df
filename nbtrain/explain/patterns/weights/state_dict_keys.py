"""The weights and the model do not have the same keys.

What it is
Some of the model's parameters are not in the file, or the file has some that the model has not.

Why it happens
The class was changed since, another architecture was made, or the file is a whole checkpoint, in which
the weights stand under a key such as `model` or `state_dict`.

How to fix
Look at `state.keys()`. Of a whole checkpoint load what is inside:
`model.load_state_dict(checkpoint["model"])`. `strict=False` leaves out what does not fit, and says
what.

Example
```text
RuntimeError: Error(s) in loading state_dict for Net:
        Missing key(s) in state_dict: "fc2.weight", "fc2.bias".
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.patterns.weights import NEITHER_PREFIX_NOR_SIZES
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import listed, state_line, state_name


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    state, module = sight.local("state_dict", "load_state_dict"), sight.local("self", "load_state_dict")
    if state is None or module is None:
        return None
    name, model, own = state_name(raised), sight.name_of(module, "model"), set(module.state_dict())
    before = state_line(raised)
    missing, more = sorted(own - set(state)), sorted(set(state) - own)
    if {"state", "param_groups"} <= set(state):
        return Said(
            f"`{name}` is the state of an optimizer.",
            fix="Give the model its own part of the checkpoint, and this one to the optimizer.",
            code=f"{before}optimizer.load_state_dict({name})",
        )
    said = [f"`{name}` lacks {listed(missing)}"] if missing else []
    said += [f"`{model}` has no {listed(more)}"] if more else []
    for key, inner in state.items():
        if hasattr(inner, "keys") and own & set(inner):
            fix = f"The weights stand under the key `{key}`."
            return Said(
                "; ".join(said) + ".", fix=fix, code=f"{before}{model}.load_state_dict({name}[{key!r}])"
            )
    return Said(
        "; ".join(said) + ".",
        code=f"{before}missing, unexpected = {model}.load_state_dict({name}, strict=False)",
    )


PATTERN = Pattern(
    "state-dict-keys",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"Error\(s\) in loading state_dict for (\w+):\s+(?:Missing|Unexpected) key\(s\) in state_dict: (\"[^\n]*\")",
    ),
    what="{1} and the file differ in {2}.",
    code="missing, unexpected = model.load_state_dict(state, strict=False)",
    unless=NEITHER_PREFIX_NOR_SIZES,
    tell=tell,
)
