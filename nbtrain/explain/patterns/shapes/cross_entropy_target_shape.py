"""The target of a classification loss has another shape than the loss expects.

What it is
cross_entropy takes scores (batch, classes, ...) and labels (batch, ...), without the class dimension.

Why it happens
Labels as a column (batch, 1), one-hot labels as integers, scores (batch, time, classes) with the
classes last, or batches of different sizes.

How to fix
Labels: `target.squeeze(1)`, or `target.argmax(1)` for one-hot ones. Scores over time:
`loss(scores.transpose(1, 2), target)`.

Example
```text
ValueError: Expected input batch_size (4) to match target batch_size (5).
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import RUNTIME, Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import loss_pair, shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    pair = loss_pair(sight, "cross_entropy", "nll_loss")
    if pair is None:
        return None
    output_name, output, name, target = pair
    what = f"`{output_name}` has shape {shape_of(output)} and `{name}` {shape_of(target)}."
    scores, labels = tuple(output.shape), tuple(target.shape)
    if len(labels) == len(scores) and labels[1:2] == (1,):
        return Said(what, fix="Take away the dimension of size 1.", code=f"{name} = {name}.squeeze(1)")
    if labels == scores:
        fix = "The target is one-hot: take the labels."
        return Said(what, fix=fix, code=f"{name} = {name}.argmax(1)")
    if len(scores) == 2 and len(labels) == 1:
        fix = (
            f"There are {scores[0]} rows of scores and {labels[0]} labels: take both from the same batch, and look where "
            "the model puts other dimensions into the first one (`view`, `flatten`)."
        )
        return Said(what, fix=fix)
    if len(scores) == 3 and labels == scores[:2]:
        fix = "The classes have to be the second dimension."
        return Said(what, fix=fix, code=f"{output_name} = {output_name}.transpose(1, 2)")
    return Said(what)


PATTERN = Pattern(
    "cross-entropy-target-shape",
    __name__,
    kinds=(*RUNTIME, "ValueError"),
    texts=(
        r"Expected input batch_size \((\d+)\) to match target batch_size \((\d+)\)",
        r"(?:0D or )?1D target tensor expected, multi-target not supported|multi-target not supported at",
        r"Expected target size \[([\d, ]+)\], got \[([\d, ]+)\]",
        r"only batches of spatial targets supported \((?:3D|non-empty 3D) tensors\) but got targets of (?:dimension|size)",
        r"Expected floating point type for target with class probabilities, got (\w+)",
        r"size mismatch \(got input: \[([\d, ]+)\] ?, target: \[([\d, ]+)\]\)",
    ),
    tell=tell,
)
