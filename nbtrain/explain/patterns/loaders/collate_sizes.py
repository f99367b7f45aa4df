"""The samples of a batch have different sizes.

What it is
The default collate stacks samples, so each field has to have one shape.

Why it happens
Images of different sizes, sentences or recordings of different lengths.

How to fix
Resize or crop in the data set, or pad in a `collate_fn` of your own.

Example
```text
RuntimeError: each element in list of batch should be of equal size
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    samples = sight.local("batch", "default_collate")
    shapes = (
        ""
        if found.re.groups == 0
        else f" Sample {found[2]} has ({found[1]}), sample {found[4]} ({found[3]})."
    )
    loaders = [
        name
        for name, one in sight.of_type("DataLoader").items()
        if one.collate_fn.__name__ == "default_collate"
    ]
    if samples is None or len(loaders) != 1:
        return None
    kind = type(sight.names[loaders[0]].dataset).__name__
    return Said(f"The samples of `{loaders[0]}` (data set {kind}) differ in size.{shapes}")


PATTERN = Pattern(
    "collate-sizes",
    __name__,
    kinds=("RuntimeError",),
    texts=(
        r"each element in list of batch should be of equal size",
        r"Trying to resize storage that is not resizable",
    ),
    texts_inside=(
        r"stack expects each tensor to be equal size, but got \[([\d, ]*)\] at entry (\d+) and \[([\d, ]*)\] at entry (\d+)",
    ),
    code="def collate(batch):\n    xs, ys = zip(*batch)\n    return torch.nn.utils.rnn.pad_sequence(xs, batch_first=True), torch.stack(ys)\n\nloader = DataLoader(dataset, batch_size=..., collate_fn=collate)",
    inside=r"_utils/collate.py",
    tell=tell,
)
