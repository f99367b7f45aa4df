"""Weight decay also pulls on normalisation weights and biases.

What it does
Looks for an optimizer with weight decay and a single parameter group over a network with attention, and at
live optimizers for groups with decay that hold norm weights or biases of such a network.

Why it hurts
Decay makes large weights small; a norm's scale and a bias have no reason to be near zero. For transformers
nearly every recipe leaves them out. The effect is small.

Bad
```python
import torch
from torch import nn

model = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4), 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.1)
```

Good
```python
import torch
from torch import nn

model = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4), 2)
decayed = [p for p in model.parameters() if p.dim() >= 2]
others = [p for p in model.parameters() if p.dim() < 2]
groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=3e-4)
```

When to ignore
Decay of 0.01 and below, and networks that were tuned with decay on everything.

Threshold: decay above 0.01, AdamW's default; GPT-2 and BERT recipes, torch-audit rule TA402.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.facts import OptimizerFact
from nbtrain.notebook.source_values import argument
from nbtrain.notebook.symbolic.values import Made, Seq, Term
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule
from nbtrain.review.words import described, shown

USUAL = 0.01


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if not facts.architecture.attention:
        return
    for optimizer in facts.optimizers:
        decay = optimizer.weight_decay
        if (
            decay.known
            and decay.low > USUAL
            and (_live_group(facts, optimizer) or _one_group(facts, optimizer))
        ):
            yield Problem(
                issue=f"{described(optimizer)} also decays normalisation weights and biases",
                current=f"weight_decay={shown(decay)} for all parameters",
                recommended="weight_decay=0.0 for parameters with fewer than two dimensions",
                evidence=(
                    f"{optimizer.cls} with weight_decay={shown(decay)} and one group; "
                    f"{facts.architecture.attention}"
                ),
                line=optimizer.line,
                name=optimizer.name,
                confidence=Confidence.CERTAIN if optimizer.live else Confidence.LIKELY,
                fix='{"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0}',
            )


def _live_group(facts: ReviewFacts, optimizer: OptimizerFact) -> bool:
    held = next((one for one in facts.held.optimizers if id(one.obj) == optimizer.key), None)
    groups = held.groups if held is not None else ()
    return any(
        (group.get("weight_decay") or 0) > USUAL and any(one.dim() < 2 for one in group.get("params", ()))
        for group in groups
    )


def _one_group(facts: ReviewFacts, optimizer: OptimizerFact) -> bool:
    for event in facts.story.made("optimizer"):
        if id(event.subject) == optimizer.key and isinstance(event.subject, Made):
            given = argument(event.subject, "params", 0)
            return isinstance(given, Term) and given.source is not None and not isinstance(given, Seq)
    return False


RULE = Rule("weight-decay-on-norm-and-bias", Severity.INFO, check)
