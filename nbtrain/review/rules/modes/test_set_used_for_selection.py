"""The test set chooses the epoch that it then judges.

What it does
Looks for a loader named for test that is evaluated within the epoch loop where weights are kept or the
training is
stopped under a condition, while no loader named for validation is in the source.

Why it hurts
The best of many epochs on a set is too good on that set: the reported score is not what new data will give.

Bad
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
best = 0.0
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    correct = 0
    with torch.no_grad():
        for x, y in test_loader:
            correct += (model(x).argmax(1) == y).sum().item()
    if correct > best:
        best = correct
        torch.save(model.state_dict(), "best.pt")
```

Good
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
best = 0.0
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    correct = 0
    with torch.no_grad():
        for x, y in val_loader:
            correct += (model(x).argmax(1) == y).sum().item()
    if correct > best:
        best = correct
        torch.save(model.state_dict(), "best.pt")
```

When to ignore
Benchmarks whose second split is called test and used as validation by agreement.

Source: Hastie et al., The Elements of Statistical Learning, section 7.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.evaluation import loader_words
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

VALIDATION = re.compile(r"\b(val|valid|validation|dev)(_|\b)|val_?(loader|dl|data|set|ds)", re.IGNORECASE)


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if facts.source is None or VALIDATION.search(facts.words):
        return
    for run in facts.story.passes:
        words = loader_words(facts.story, run)
        if "test" not in words or not run.forward.loops:
            continue
        around = run.forward.loops[0]
        if around is run.loop or not any(around in cycle.step.loops for cycle in facts.cycles):
            continue
        kept = [
            event
            for event in facts.story.calls(
                "torch.save", ".state_dict", "deepcopy", ".save", ".save_pretrained"
            )
            if around in event.loops and event.guards and event.at > run.forward.at
        ]
        if kept:
            name = words.split(" ")[0]
            yield Problem(
                issue=f"`{name}` chooses the weights that it judges",
                current=f"weights kept on line {kept[0].line} by a score on `{name}`",
                recommended="a validation split for the choice, the test set once at the end",
                evidence=(
                    f"`{name}` is run every epoch (line {run.line}); line {kept[0].line} keeps "
                    "weights under a condition"
                ),
                line=run.line,
                name=name,
                fix="train_data, val_data = torch.utils.data.random_split(train_data, [0.9, 0.1])",
            )
            return


RULE = Rule("test-set-used-for-selection", Severity.WARNING, check)
