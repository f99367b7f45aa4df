"""A long training whose weights are saved nowhere.

What it does
Looks at trainings of at least 10 epochs (or 1000 counted steps) in a source that saves nothing: no
`torch.save`, no `save_pretrained`, no checkpoint of any kind. Frameworks save by themselves; a function
that gets the model and is not in the source may do so.

Why it hurts
A crash in the last epoch, or a kernel that restarts, costs the whole training.

Bad
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
    print(epoch, loss.item())
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
    print(epoch, loss.item())
    torch.save(model.state_dict(), "last.pt")
```

When to ignore
The training takes minutes, or another cell saves the model at once.

Source: Deep Learning Tuning Playbook, "Saving checkpoints". Ten epochs are our own choice.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.long_runs import called, length_of, long_cycles
from nbtrain.review.rule import Gap, Problem, Rule

SAVES = (
    "save",
    "checkpoint",
    "ckpt",
    "dump",
    "export",
    "push_to_hub",
    "serialize",
    "snapshot",
    "write_model",
)


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if called(facts.story.of("call"), *SAVES) or facts.story.of("escape"):
        return
    for cycle in long_cycles(facts)[:1]:
        yield Problem(
            issue=f"{length_of(cycle).capitalize()} of `{cycle.name}` leave no weights on disk",
            current="nothing is saved",
            recommended="torch.save(model.state_dict(), path) once an epoch",
            evidence=(
                f"no call in the source saves anything; the loop starts on line {cycle.step.loops[0].line}"
            ),
            line=cycle.step.loops[0].line,
            name=cycle.name,
            fix='torch.save(model.state_dict(), "last.pt")',
        )


RULE = Rule("checkpointing-missing", Severity.INFO, check)
