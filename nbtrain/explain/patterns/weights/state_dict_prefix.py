"""The keys of the weights carry a prefix that this model's keys do not, or the other way round.

What it is
All keys are the same but for what stands before them: `module.` (DataParallel, DDP), `_orig_mod.`
(torch.compile), `model.` (Lightning and others).

Why it happens
The weights were saved from a wrapped model and are loaded into a plain one, or the other way round.

How to fix
Take the prefix off the keys (or load into what is wrapped: `model.module`, `model._orig_mod`). Save
from the plain model the next time: `model.module.state_dict()`.

Example
```text
RuntimeError: Error(s) in loading state_dict for Net:
        Missing key(s) in state_dict: "fc1.weight", "fc1.bias".
        Unexpected key(s) in state_dict: "module.fc1.weight", "module.fc1.bias".
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.patterns.weights import SIZES, WITH_PREFIX, WITHOUT_PREFIX
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import state_line, state_name


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    module = sight.local("self", "load_state_dict")
    name, model, before = state_name(raised), sight.name_of(module, "model"), state_line(raised)
    more = found.groupdict().get("prefix")
    if more:
        what = f"The keys in `{name}` begin with `{more}`, those of `{model}` do not."
        made = f'{{key.removeprefix("{more}"): value for key, value in {name}.items()}}'
    else:
        what = f"The keys of `{model}` begin with `{found['wrap']}`, those in `{name}` do not."
        made = f'{{"{found["wrap"]}" + key: value for key, value in {name}.items()}}'
    return Said(
        what, fix="Rename the keys.", code=f"{before}{name} = {made}\n{model}.load_state_dict({name})"
    )


PATTERN = Pattern(
    "state-dict-prefix",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        WITH_PREFIX,
        WITHOUT_PREFIX,
    ),
    code='prefix = "module."  # as the message shows it\nstate = {key.removeprefix(prefix): value for key, value in state.items()}\nmodel.load_state_dict(state)',
    unless=SIZES,
    tell=tell,
)
