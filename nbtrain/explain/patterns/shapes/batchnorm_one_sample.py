"""A batch norm in training got a single value per channel.

What it is
Mean and variance of one sample say nothing, so training refuses it.

Why it happens
The last batch of the epoch holds one sample, or a batch of one is used in training mode.

How to fix
Leave that batch out with `drop_last=True`, call `model.eval()` where nothing is trained, or use
GroupNorm or LayerNorm for batches of one.

Example
```text
ValueError: Expected more than 1 value per channel when training, got input size torch.Size([1, 16])
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    layer = sight.module
    if layer is None:
        return None
    what = f"{layer.named} got an input of shape ({found[1]}): one value per channel."
    for name, loader in sight.of_type("DataLoader").items():
        size, samples = getattr(loader, "batch_size", None), len(loader.dataset)
        if isinstance(size, int) and size > 1 and samples % size == 1 and not loader.drop_last:
            what += f" `{name}` has {samples} samples in batches of {size}: the last one holds 1."
            code = f"{name} = DataLoader({name}.dataset, batch_size={size}, shuffle=True, drop_last=True)"
            return Said(what, fix="Leave the last batch out.", code=code)
    return Said(what)


PATTERN = Pattern(
    "batchnorm-one-sample",
    __name__,
    kinds=("ValueError",),
    texts=(
        r"Expected more than 1 (?:value per channel|spatial element) when training, got input size (?:torch\.Size\()?\[([\d, ]+)\]",
    ),
    what="The input has shape ({1}): one value per channel.",
    code="DataLoader(dataset, batch_size=..., shuffle=True, drop_last=True)",
    tell=tell,
)
