"""Output and target of a binary loss have different shapes.

What it is
Binary cross-entropy compares element by element, so both need the same shape.

Why it happens
The model gives a column (batch, 1), the labels are (batch,).

How to fix
`target.unsqueeze(1)`, or `output.squeeze(1)`.

Example
```text
ValueError: Target size (torch.Size([8])) must be the same as input size (torch.Size([8, 1]))
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import loss_pair, shape_of


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    pair = loss_pair(sight, "binary_cross_entropy_with_logits", "binary_cross_entropy")
    if pair is None:
        return None
    output_name, output, name, target = pair
    what = f"`{output_name}` has shape {shape_of(output)} and `{name}` {shape_of(target)}."
    if tuple(output.shape) == (*target.shape, 1):
        fix = f"Let `{name}` be a column like `{output_name}`."
        return Said(what, fix=fix, code=f"{name} = {name}.unsqueeze(-1)")
    if tuple(target.shape) == (*output.shape, 1):
        return Said(what, fix=f"Let `{name}` be flat.", code=f"{name} = {name}.squeeze(-1)")
    return Said(what)


PATTERN = Pattern(
    "bce-target-shape",
    __name__,
    kinds=("ValueError",),
    texts=(
        r"Target size \((?:torch\.Size\()?\[([\d, ]*)\]\)?\) must be (?:the )?same as input size \((?:torch\.Size\()?\[([\d, ]*)\]\)?\)",
        r"Using a target size \((?:torch\.Size\()?\[([\d, ]*)\]\)?\) that is different to the input size \((?:torch\.Size\()?\[([\d, ]*)\]\)?\) is deprecated",
    ),
    what="The target has shape ({1}), the output ({2}).",
    tell=tell,
)
