"""A learning rate above 0.01 for an optimizer of the Adam family.

What it does
Looks at the learning rate of Adam, AdamW, NAdam, RAdam, Adamax and their fused and 8-bit forms, of every
parameter group, and at the highest rate a OneCycleLR or a LambdaLR makes of it. More than 0.01 is critical;
1e-5 to 1e-3 is usual.

Why it hurts
Adam divides by the gradient's own size, so each weight moves by about the learning rate at every step. Above
0.01 that is more than most weights are large: the loss jumps, and units die in the first hundred steps.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
```

When to ignore
Small convex problems, and optimising an image or a few scalars in place of a network's weights.

Threshold: UMLAUT (CHI 2021) warns above 0.01; the range 1e-5 to 1e-3 is common practice.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.facts import OptimizerFact, Quantity
from nbtrain.review.edits import replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, is_live
from nbtrain.review.words import described, shown

HIGHEST = 0.01
RECOMMENDED = "1e-3"


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for optimizer in facts.optimizers:
        if optimizer.family != "adam" or optimizer.doubtful:
            continue
        who = described(optimizer)
        if optimizer.reshaped and any(one.known and one.low > HIGHEST for one in optimizer.lrs):
            yield Gap(
                f"The learning rate of {who} is changed by "
                f"{optimizer.reshaped}; how high it gets could not be told."
            )
            continue
        rate = _too_high(optimizer)
        if rate is not None:
            yield _problem(optimizer, rate, who)
        elif optimizer.peak is None and not any(one.known for one in optimizer.lrs):
            yield Gap(f"The learning rate of {who} could not be worked out from the source.")


def _too_high(optimizer: OptimizerFact) -> Quantity | None:
    rates = (optimizer.peak,) if optimizer.peak is not None else optimizer.lrs
    return next((one for one in rates if one.known and one.low > HIGHEST), None)


def _problem(optimizer: OptimizerFact, rate: Quantity, who: str) -> Problem:
    name = optimizer.name or "optimizer"
    where = f" ({rate.origin})" if rate.origin else ""
    return Problem(
        issue=f"The learning rate of {who} is too high for {optimizer.cls}",
        current=f"lr={shown(rate)}",
        recommended=f"lr={RECOMMENDED} (1e-5 to 1e-3)",
        evidence=f"{optimizer.cls} with lr={shown(rate)}{where}; above {HIGHEST} it usually diverges",
        line=optimizer.line,
        name=optimizer.name,
        confidence=is_live(optimizer.live),
        fix=f'for group in {name}.param_groups:\n    group["lr"] = {RECOMMENDED}'
        if optimizer.live
        else f"lr={RECOMMENDED}",
        edits=replace_node(rate.node, RECOMMENDED),
    )


RULE = Rule("adam-lr-too-high", Severity.CRITICAL, check)
