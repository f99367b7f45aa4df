"""Sizes of an attention layer do not fit.

What it is
The embedding has to be divisible by the number of heads; queries, keys, values and masks have to fit
it.

Why it happens
The embedding size or the number of heads was changed alone, batch and time are the other way round
(`batch_first`), or a mask is of another length.

How to fix
Choose `embed_dim` as a multiple of `num_heads`, set `batch_first=True` where the batch stands first,
and make masks (length, length), padding masks (batch, length).

Example
```text
AssertionError: embed_dim must be divisible by num_heads
```
"""

from __future__ import annotations

import re

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    embed, heads = sight.local("embed_dim", "__init__"), sight.local("num_heads", "__init__")
    if isinstance(embed, int) and isinstance(heads, int) and "divisible" in found[0]:
        fits = [count for count in range(1, embed + 1) if embed % count == 0]
        near = min(fits, key=lambda count: abs(count - heads))
        return Said(
            f"embed_dim is {embed} and num_heads {heads}: {embed} / {heads} is no whole number.",
            fix=f"For {embed} the number of heads can be one of {fits}.", code=f"num_heads={near}",
        )  # fmt: skip
    layer = sight.module
    return None if layer is None else Said(f"In {layer.named}: {found[0]}.")


PATTERN = Pattern(
    "attention-sizes",
    __name__,
    kinds=("AssertionError", "RuntimeError", "ValueError"),
    texts=(
        r"embed_dim must be divisible by num_heads",
        r"[Tt]he hidden size \((\d+)\) is not a multiple of the number of attention heads \((\d+)\)",
        r"(?:embed_dim|hidden_size) must be divisible by num_(?:attention_)?heads \(got `?embed_dim`?: (\d+) and `?num_heads`?: (\d+)\)",
        r"was expecting embedding dimension of (\d+), but got (\d+)",
        r"The shape of the \dD attn_mask is (?:torch\.Size\()?\[([\d, ]+)\]\)?, but should be \(([\d, ]+)\)",
        r"Expected key_padded_mask\.shape\[0\] to be (\d+), but got (\d+)",
        r"key's sequence and batch dims (?:torch\.Size\()?\[([\d, ]+)\]\)? do not match value's",
    ),
    tell=tell,
)
