"""Weights in the file have other shapes than those of the model.

What it is
A parameter of the same name has another size in the file.

Why it happens
The model was made with another number of classes, another width, or another vocabulary than the one
that was saved.

How to fix
Make the model as it was when it was saved. For another number of classes load all but the last layer,
and train that anew.

Example
```text
RuntimeError: Error(s) in loading state_dict for Net:
        size mismatch for fc.weight: copying a param with shape torch.Size([10, 784]) from checkpoint, the shape in current model is torch.Size([5, 784]).
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.patterns.weights import SIZES
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import listed, state_line, state_name


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    module = sight.local("self", "load_state_dict")
    name, model, before = state_name(raised), sight.name_of(module, "model"), state_line(raised)
    every = [match[1] for match in re.finditer(SIZES, raised.text)]
    what = (
        f"Of other shapes in `{name}` than in `{model}`: {listed(every)}. `{found[1]}` has ({found[2]}) there and "
        f"({found[3]}) here."
    )
    code = (
        f"{before}own = {model}.state_dict()\n"
        f"fits = {{key: value for key, value in {name}.items() if key in own and value.shape == own[key].shape}}\n"
        f"{model}.load_state_dict(fits, strict=False)"
    )
    return Said(what, code=code)


PATTERN = Pattern(
    "state-dict-sizes",
    __name__,
    kinds=("RuntimeError",),
    texts=(SIZES,),
    what="`{1}` has shape ({2}) in the file and ({3}) in the model.",
    code="own = model.state_dict()\nfits = {key: value for key, value in state.items() if key in own and value.shape == own[key].shape}\nmodel.load_state_dict(fits, strict=False)",
    tell=tell,
)
