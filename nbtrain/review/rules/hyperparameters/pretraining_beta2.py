"""A language model is pre-trained with Adam's second beta at 0.999.

What it does
Looks at Adam and AdamW where a causal network over tokens is trained from scratch: a second beta that is left
at 0.999, or set there, is noted. 0.95 is usual.

Why it hurts
The second moment is an average over the last thousand steps. Gradients of a large language model change
faster: after a spike the steps are too large or too small for hundreds of steps, and the loss jumps.

Bad
```python
import torch
from torch import nn

class GPT(nn.Module):
    def __init__(self, vocab_size=50257, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.blocks = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 4, batch_first=True), 6)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        mask = nn.Transformer.generate_square_subsequent_mask(ids.size(1))
        return self.head(self.blocks(self.embed(ids), mask=mask, is_causal=True))

model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.1)
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=2000)
for ids in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    warmup.step()
```

Good
```python
import torch
from torch import nn

class GPT(nn.Module):
    def __init__(self, vocab_size=50257, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.blocks = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 4, batch_first=True), 6)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        mask = nn.Transformer.generate_square_subsequent_mask(ids.size(1))
        return self.head(self.blocks(self.embed(ids), mask=mask, is_causal=True))

model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.1, betas=(0.9, 0.95))
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=2000)
for ids in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    warmup.step()
```

When to ignore
Small networks and batches, where the average over more steps is calmer.

Threshold: GPT-3 (Brown et al. 2020) and Llama (Touvron et al. 2023) train with betas 0.9 and 0.95.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.situation import PRETRAINING
from nbtrain.notebook.source_values import argument
from nbtrain.notebook.symbolic.values import Const, Made, Seq
from nbtrain.review.edits import Edit, add_keyword, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

SLOW = 0.99
BETTER = "(0.9, 0.95)"


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if not facts.is_situation(PRETRAINING):
        return
    trained = {id(cycle.step.subject): cycle for cycle in facts.cycles}
    for event in facts.story.made("optimizer"):
        made = event.subject
        if not isinstance(made, Made) or id(made) not in trained or not made.path.endswith(("Adam", "AdamW")):
            continue
        beta = _beta2(made)
        if beta is None or beta <= SLOW:
            continue
        name = trained[id(made)].name
        yield Problem(
            issue=f"`{name}` averages squared gradients over a thousand steps",
            current=f"beta2={beta:g}",
            recommended=f"betas={BETTER}",
            evidence=(
                f"a causal network over tokens from scratch, beta2={beta:g} of "
                f"{made.path.rpartition('.')[2]} on line {event.line}"
            ),
            line=event.line,
            name=name,
            fix=f"betas={BETTER}",
            edits=_edits(made),
        )


def _beta2(made: Made) -> float | None:
    """The second beta as far as it is known: the library's 0.999 where none is given."""
    given = argument(made, "betas", 2)
    if given is None:
        return 0.999 if made.complete else None
    held = given.items[1] if isinstance(given, Seq) and len(given.items) == 2 else None
    return held.value if isinstance(held, Const) and isinstance(held.value, float) else None


def _edits(made: Made) -> tuple[Edit, ...]:
    keywords = [one.value for one in made.node.keywords if one.arg == "betas"]
    if keywords:
        return replace_node(keywords[0], BETTER) if isinstance(keywords[0], ast.Tuple) else ()
    return add_keyword(made.node, f"betas={BETTER}") if len(made.args) < 3 else ()


RULE = Rule("pretraining-beta2", Severity.INFO, check)
