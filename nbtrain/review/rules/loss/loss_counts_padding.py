"""The loss of a sequence model also counts padding.

What it does
Looks at cross-entropy over flattened tokens in a source that pads sequences, without `ignore_index`,
without -100 in the
targets and without a mask on the loss.

Why it hurts
The model learns to predict padding, which is easy: the loss looks good, the more so the more padding a
batch has.

Bad
```python
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

tokens = pad_sequence(sentences, batch_first=True)
model = nn.Sequential(nn.Embedding(1000, 32, padding_idx=0), nn.Linear(32, 1000))
logits = model(tokens[:, :-1])
loss = nn.functional.cross_entropy(logits.reshape(-1, 1000), tokens[:, 1:].reshape(-1))
```

Good
```python
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

tokens = pad_sequence(sentences, batch_first=True)
model = nn.Sequential(nn.Embedding(1000, 32, padding_idx=0), nn.Linear(32, 1000))
logits = model(tokens[:, :-1])
loss = nn.functional.cross_entropy(logits.reshape(-1, 1000), tokens[:, 1:].reshape(-1), ignore_index=0)
```

When to ignore
The padding token also ends sentences and shall be predicted once.

Source: PyTorch's documentation of CrossEntropyLoss (ignore_index).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.losses_read import LossCall, loss_calls
from nbtrain.notebook.symbolic.values import Term
from nbtrain.review.edits import add_keyword
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

PADS = re.compile(
    r"pad_sequence|padding_idx|padding=True|padding=[\"'](max_length|longest)|pad_token_id|\bPAD\w*\b|<pad>"
)
MASKS = re.compile(r"ignore_index|-100|mask|reduction=[\"']none|packed|pack_padded|bucket", re.IGNORECASE)
FLAT = (".view", ".reshape", ".flatten", "torch.flatten", ".transpose", ".permute")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    found = PADS.search(facts.words)
    if found is None or MASKS.search(facts.words):
        return
    for loss in loss_calls(facts.story):
        if loss.kind == "cross-entropy" and _over_tokens(loss):
            given = loss.criterion
            call = given.node if given is not None and hasattr(given, "node") else loss.event.node
            yield Problem(
                issue="The loss also counts padding",
                current=f"{loss.name} over all tokens",
                recommended="ignore_index=the padding token",
                evidence=(
                    f"line {loss.line}: the source pads ({found[0]}), and nothing leaves padding out "
                    "of the loss"
                ),
                line=loss.line,
                fix="ignore_index=pad_token_id",
                edits=add_keyword(call, "ignore_index=0") if "padding_idx=0" in facts.words else (),
            )


def _over_tokens(loss: LossCall) -> bool:
    """Targets of every position, laid out flat: `y.view(-1)`."""
    op = loss.target.op if isinstance(loss.target, Term) else None
    return op is not None and op.path in FLAT


RULE = Rule("loss-counts-padding", Severity.WARNING, check)
