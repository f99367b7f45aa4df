"""A class label is outside the number of classes.

What it is
The model gives one score per class, so labels go from 0 to classes - 1.

Why it happens
Labels that start at 1, a last layer with too few outputs, or a label such as 255 or -1 for `ignore`
that the loss was not told of.

How to fix
Subtract 1 from the labels, give the last layer as many outputs as there are classes, or name the label
to be left out: `ignore_index=255`.

Example
```text
IndexError: Target 10 is out of bounds.
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import layer_line, loss_pair


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    pair = loss_pair(sight, "cross_entropy", "nll_loss")
    if pair is None:
        return None
    output_name, output, name, target = pair
    classes = output.shape[1] if len(output.shape) > 1 else output.shape[0]
    low, high = int(target.min()), int(target.max())
    what = (
        f"`{output_name}` has scores for {classes} classes (labels 0 to {classes - 1}); the labels in `{name}` "
        f"go from {low} to {high}."
    )
    if low >= 1 and high == classes:
        return Said(what, fix="The labels start at 1: let them start at 0.", code=f"{name} = {name} - 1")
    if low < 0 or high == 255:
        fix = "Tell the loss which label is to be left out."
        return Said(what, fix=fix, code=f"nn.CrossEntropyLoss(ignore_index={low if low < 0 else high})")
    fix = f"Give the last layer {high + 1} outputs."
    last = next((one for name_, model in sight.models.items()
                 for one in reversed(list(model.modules())) if hasattr(one, "out_features")), None)  # fmt: skip
    if last is not None and last.out_features == classes:
        return Said(
            what, fix=fix, code=layer_line(sight.locate(last), f"nn.Linear({last.in_features}, {high + 1})")
        )
    return Said(what, fix=fix)


PATTERN = Pattern(
    "cross-entropy-class-range",
    __name__,
    kinds=("IndexError",),
    texts=(r"Target (-?\d+) is out of bounds",),
    what="The label {1} has no class.",
    tell=tell,
)
