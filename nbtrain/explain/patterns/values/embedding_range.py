"""A token id is beyond the embedding.

What it is
An embedding of n rows takes ids from 0 to n - 1.

Why it happens
Tokenizer and model do not belong together, tokens were added without making the embedding longer, or
the padding id is the vocabulary's size.

How to fix
Make the embedding as large as the vocabulary; with Hugging Face:
`model.resize_token_embeddings(len(tokenizer))`.

Example
```text
IndexError: index out of range in self
```
"""

from __future__ import annotations

import re
from typing import Any

from nbtrain.explain.pattern import Pattern, Said
from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Sight
from nbtrain.explain.wording import layer_line


def tell(raised: Raised, found: re.Match[str], sight: Sight) -> Said | None:
    layer = sight.module
    given = sight.input_of(layer.module) if layer is not None else None
    if given is None or not hasattr(layer.module, "num_embeddings"):
        return None
    rows, low, high = layer.module.num_embeddings, int(given.min()), int(given.max())
    what = (
        f"{layer.named} has {rows} rows (ids 0 to {rows - 1}); the ids in `{sight.name_of(given, 'its input')}` "
        f"go from {low} to {high}."
    )
    if low < 0:
        return Said(
            what,
            fix="Ids cannot be negative: look where the negative one comes from.",
            code=f"({sight.name_of(given, 'x')} < 0).nonzero()",
        )
    name = layer.path.rpartition(".")[2]
    if ("pos" in name or name == "wpe") and _counts_up(given, high + 1):
        fix = (
            f"They are the positions of a text of {high + 1}, and the model knows {rows}: cut it to {rows} "
            f"(`truncation=True, max_length={rows}`), or make the model with more positions."
        )
        return Said(what, fix=fix, code=f"input_ids = input_ids[:, :{rows}]")
    made = f"nn.Embedding({high + 1}, {layer.module.embedding_dim})"
    return Said(what, fix="Make the embedding as large as the vocabulary.", code=layer_line(layer, made))


def _counts_up(given: Any, many: int) -> bool:
    """Whether each row of ids is 0, 1, 2 ... as positions are."""
    rows = given.reshape(-1, given.shape[-1]) if given.dim() else given.reshape(1, 1)
    return rows.shape[-1] == many and bool((rows == rows.new_tensor(range(many))).all())


PATTERN = Pattern(
    "embedding-range",
    __name__,
    kinds=("IndexError", "RuntimeError"),
    texts=(
        r"index out of range in self",
        r"index out of range: Tried to access index (-?\d+) out of table with (\d+) rows",
    ),
    code="model.resize_token_embeddings(len(tokenizer))",
    tell=tell,
)
