"""A training of several epochs that nothing judges on other data.

What it does
Looks at trainings of more than one epoch, in a source in which no loop only runs the model and no function is
called that by its name evaluates, validates or tests.

Why it hurts
Overfitting cannot be seen, and the best epoch cannot be chosen.

Bad
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(10):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(10):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    with torch.no_grad():
        for x, y in val_loader:
            correct = (model(x).argmax(1) == y).sum()
```

When to ignore
Demonstrations, generative models judged by eye, and evaluations in another cell.

Threshold: more than one epoch; the rest is common practice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.situation import RL
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

JUDGES = re.compile(r"val|test|eval|score|accuracy|metric|dev_|holdout|benchmark", re.IGNORECASE)


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if not any(cycle.training.epochs is not None for cycle in facts.cycles):
        return
    if facts.source is None or facts.is_situation(RL) or facts.story.passes or JUDGES.search(facts.words):
        return
    for cycle in facts.cycles:
        epochs = cycle.training.epochs
        if (
            cycle.hidden
            or epochs is None
            or not epochs.known
            or epochs.high <= 1
            or cycle.training.several_optimizers
        ):
            continue
        yield Problem(
            issue=f"Nothing judges the training of `{cycle.name}` on other data",
            current="no validation",
            recommended="evaluate on held-out data after each epoch",
            evidence=f"{epochs.high:g} epochs, and no loop or function in the source evaluates",
            line=cycle.step.loops[0].line,
            name=cycle.name,
            confidence=Confidence.POSSIBLE,
            fix="model.eval()\nwith torch.no_grad():\n    for x, y in val_loader:\n        ...",
        )
        return


RULE = Rule("no-validation", Severity.INFO, check)
