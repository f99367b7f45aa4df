"""The scheduler moves before the optimizer has taken its step.

What it does
Looks at loops in which `scheduler.step()` comes before the first `optimizer.step()` of a turn, with no
step before it.
Schedulers that are given an epoch or a metric, and steps under a condition (`if epoch > 0`), are left alone.

Why it hurts
The first value of the schedule is skipped: the first epoch already trains at the second one, a warm-up loses
its start, and the run ends one value too far.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)
for epoch in range(20):
    scheduler.step()
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
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)
for epoch in range(20):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
```

When to ignore
Schedulers that are not PyTorch's and document this order.

Source: PyTorch's documentation of `torch.optim.lr_scheduler` (order since 1.1.0).
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.scheduling import cycle_of, schedule_uses
from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.places import moved_behind
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for use in schedule_uses(facts.story):
        cycle = cycle_of(use, facts.cycles)
        if cycle is None or use.cls == "ReduceLROnPlateau" or len(use.steps) != 1 or cycle.hidden:
            continue
        step = use.steps[0]
        if step.data["args"] or step.data["kwargs"] or not _first_in_turn(step, cycle):
            continue
        yield Problem(
            issue=f"`{use.name}` moves before `{cycle.name}` has taken a step",
            current="scheduler.step(), then optimizer.step()",
            recommended="optimizer.step(), then scheduler.step()",
            evidence=f"scheduler on line {step.line}, optimizer on line {cycle.step.line}, in the same turn",
            line=step.line,
            name=use.name,
            fix=f"{cycle.name}.step()\n{use.name}.step()",
            edits=moved_behind(facts, step, cycle.step),
        )


def _first_in_turn(step: Event, cycle: Cycle) -> bool:
    if not step.loops or step.loops[-1] not in cycle.step.loops or not cycle.always_with(step, cycle.step):
        return False
    turn = [event for event in cycle.of("optim-step") if step.loops[-1] in event.loops]
    return bool(turn) and all(step.at < event.at for event in turn)


RULE = Rule("scheduler-before-optimizer-step", Severity.WARNING, check)
