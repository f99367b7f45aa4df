"""A long training that says nothing while it runs.

What it does
Looks at trainings of at least 10 epochs (or 1000 counted steps) in whose loops nothing is printed, logged,
shown in a progress bar or kept in a list. Frameworks log by themselves; a function that is not in the
source may do so.

Why it hurts
A training that diverged in its first minutes is noticed hours later, and afterwards nothing shows when it
went wrong.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(30):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(30):
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.4f}")
```

When to ignore
The run is watched from outside: `%%train_review --run` follows the loss of any loop.

Source: Deep Learning Tuning Playbook, "Saving checkpoints and logging". Ten epochs are our own choice.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.long_runs import called, length_of, long_cycles
from nbtrain.review.rule import Gap, Problem, Rule

TELLS = (
    "print", "log", "info", "debug", "warn", "add_scalar", "write", "postfix", "description",
    "append", "track", "report", "display", "record", "plot", "metric", "show", "update", "notify",
    "callback", "echo", "summary",
)  # fmt: skip


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for cycle in long_cycles(facts):
        kept = any(event.kind in ("set-item", "escape") for event in cycle.events)
        if cycle.hidden or kept or called(cycle.events, *TELLS):
            continue
        yield Problem(
            issue=f"Nothing is logged in {length_of(cycle)} of training (`{cycle.name}`)",
            current="no output, no log, no history",
            recommended="print or log the loss once an epoch",
            evidence=(
                f"no call in the loop from line {cycle.step.loops[0].line} prints, logs or keeps a number"
            ),
            line=cycle.step.loops[0].line,
            name=cycle.name,
            fix='print(f"epoch {epoch}: loss {loss.item():.4f}")',
        )


RULE = Rule("logging-missing", Severity.INFO, check)
