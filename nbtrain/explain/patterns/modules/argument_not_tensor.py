"""A layer or a function got something that is no tensor.

What it is
torch's functions take tensors; they got an array, a list, a tuple or None.

Why it happens
A numpy array or a list was passed, or the whole output of an LSTM or a Hugging Face model, which is a
tuple or an object.

How to fix
Convert: `torch.as_tensor(x, dtype=torch.float32)`; take the part you need: `output, hidden = lstm(x)`,
`outputs.logits`.

Example
```text
TypeError: linear(): argument 'input' (position 1) must be Tensor, not list
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import assigned


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    if found.re.groups < 3:
        return None
    kind = found[3].rpartition(".")[2]
    names = [name for name, value in sight.line_values if type(value).__name__ == kind]
    what = f"`{found[1]}` needs a tensor as `{found[2]}` and got a {found[3]}."
    if not names:
        return Said(what)
    name = names[-1]
    if kind in ("ndarray", "list", "Series", "DataFrame"):
        given = f"{name}.to_numpy()" if kind in ("Series", "DataFrame") else name
        return Said(
            f"{what} `{name}` is one.", code=assigned(name, f"torch.as_tensor({given}, dtype=torch.float32)")
        )
    if kind == "tuple":
        return Said(f"{what} `{name}` is one.", fix="Take the part you need.", code=f"{name}[0]")
    if kind.endswith("Output"):
        return Said(f"{what} `{name}` is one.", fix="Take the scores.", code=f"{name}.logits")
    return Said(f"{what} `{name}` is one.")


PATTERN = Pattern(
    "argument-not-tensor",
    __name__,
    kinds=("TypeError",),
    texts=(
        r"(\w+)\(\): argument '(\w+)' \(position \d+\) must be (?:tuple of )?Tensors?, not ([\w.]+)",
        r"(\w+)\(\) received an invalid combination of arguments - got \((\w+)?[^)]*\), but expected one of",
        r"(\w+)\(\): argument '(\w+)' must be (?:tuple of )?Tensors?, not ([\w.]+)",
    ),
    what="`{1}` got a wrong argument.",
    tell=tell,
)
