"""A long training with a validation that decides nothing.

What it does
Looks at trainings of more than 30 epochs that are validated, in a source that neither stops early nor keeps
the best weights.

Why it hurts
The last epoch is rarely the best. The hours after the best one are spent for nothing, and its weights are
lost.

Bad
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=200)
for epoch in range(200):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
    with torch.no_grad():
        for x, y in val_loader:
            loss = nn.functional.cross_entropy(model(x), y)
```

Good
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=200)
best = float("inf")
for epoch in range(200):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
    with torch.no_grad():
        loss = sum(nn.functional.cross_entropy(model(x), y) for x, y in val_loader)
    if loss < best:
        best = loss
        torch.save(model.state_dict(), "best.pt")
```

When to ignore
Schedules that anneal to the end, whose last epoch is meant to be the best.

Threshold: 30 epochs is our own choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.evaluation import is_evaluation
from nbtrain.notebook.situation import RL
from nbtrain.notebook.story import Cycle
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

LONGEST = 30
KEEPS = re.compile(r"best|patience|early|stop|checkpoint|ckpt|torch\.save|save_pretrained", re.IGNORECASE)


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if not any(_is_long(cycle) for cycle in facts.cycles):
        return
    if facts.source is None or facts.is_situation(RL) or KEEPS.search(facts.words):
        return
    if not any(
        is_evaluation(facts.story, run) and run.forward.loops[:1] != (run.loop,) for run in facts.story.passes
    ):
        return
    for cycle in facts.cycles:
        epochs = cycle.training.epochs
        if _is_long(cycle) and epochs is not None:
            yield Problem(
                issue=f"{epochs.low:g} epochs are validated, and nothing comes of it",
                current="no early stopping, no best weights",
                recommended="keep the best weights, stop after some epochs without gain",
                evidence=(
                    f"{epochs.low:g} epochs, more than {LONGEST}; the source neither stops early nor "
                    "keeps weights"
                ),
                line=cycle.step.loops[0].line,
                name=cycle.name,
                confidence=Confidence.POSSIBLE,
                fix="if val_loss < best:\n    best = val_loss\n    torch.save(model.state_dict(), 'best.pt')",
            )
            return


def _is_long(cycle: Cycle) -> bool:
    epochs = cycle.training.epochs
    return not cycle.hidden and epochs is not None and epochs.known and epochs.low > LONGEST


RULE = Rule("early-stopping-missing", Severity.INFO, check)
