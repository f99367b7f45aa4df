"""A tensor with several elements is used as a condition.

What it is
`if`, `and`, `or`, `not` and `assert` need one truth; a comparison of tensors gives one per element.

Why it happens
`if x > 0:` on a whole tensor, or arguments in the wrong place: `nn.ReLU(x)` in place of `nn.ReLU()(x)`,
`nn.CrossEntropyLoss(output, target)` in place of `nn.CrossEntropyLoss()(output, target)`.

How to fix
`(x > 0).all()` or `.any()`; `&`, `|`, `~` in place of `and`, `or`, `not`; make a loss or an activation
first, then call it.

Example
```text
RuntimeError: Boolean value of Tensor with more than one value is ambiguous
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    place = raised.place
    made = (
        re.search(r"\bnn\.(\w*(?:Loss|ReLU|Softmax|Sigmoid|Tanh|GELU))\((?P<given>[^()]+)\)", place.code)
        if place
        else None
    )
    if made is not None:
        fix = f"`nn.{made[1]}` makes a layer: make it first, then call it."
        return Said(fix=fix, code=f"nn.{made[1]}()({made['given']})")
    for name, value in sight.tensors:
        if value.numel() != 1:
            return Said(
                f"`{name}` has shape {shape_of(value)}: {value.numel()} truths.", code=f"{name}.all()"
            )
    return None


PATTERN = Pattern(
    "truth-of-many",
    __name__,
    kinds=("RuntimeError",),
    texts=(r"[Bb]oolean value of Tensor with (?:more than one|no) values? is ambiguous",),
    tell=tell,
)
