"""A scheduler is made and never stepped.

What it does
Looks for a scheduler of an optimizer that the source trains with, which nothing steps: no `scheduler.step()`,
no other scheduler and no function that gets it, no framework that steps it.

Why it hurts
The rate stays where the scheduler's constructor left it: for a warm-up or OneCycle that is a small fraction
of what was meant, for a decay the run never anneals.

Bad
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
The scheduler is stepped by code that is not in the reviewed source.

Source: PyTorch's documentation of `torch.optim.lr_scheduler`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.scheduling import ScheduleUse, counts_batches, cycle_of, schedule_uses
from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.review.edits import Edit, line_after
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, could_not
from nbtrain.review.steps import one_scope


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    unknown = [
        event
        for event in facts.story.of("sched-step")
        if kind_of(event.subject) != "scheduler" and not _never_made(facts, event.entry)
    ]
    for use in schedule_uses(facts.story):
        cycle = cycle_of(use, facts.cycles)
        if cycle is None or use.steps or use.handed or unknown or not cycle.repeated:
            continue
        if cycle.hidden or cycle.owner == "deepspeed":
            why = f"`{cycle.hidden}` is not in the source" if cycle.hidden else "DeepSpeed may step it"
            yield could_not(f"whether `{use.name}` is stepped", why)
            continue
        yield Problem(
            issue=f"`{use.name}` is never stepped: the learning rate stays where it starts",
            current=f"{use.cls} without .step()",
            recommended=f"{use.name}.step() after {cycle.name}.step()",
            evidence=(
                f"made on line {use.made.line}, {cycle.name} steps on line {cycle.step.line}, "
                "nothing steps it"
            ),
            line=use.made.line,
            name=use.name,
            fix=f"{use.name}.step()",
            edits=_edits(facts, use, cycle),
        )


def _never_made(facts: ReviewFacts, entry: str) -> bool:
    """Whether a method belongs to a class of the source that the source only defines."""
    cls, _, method = entry.partition(".")
    if not method or not facts.story.of("fit") + list(facts.cycles):
        return False
    named = [one for one in facts.story.of("instance") if one.subject.cls.node.name == cls]
    mentioned = len(re.findall(rf"\b{re.escape(cls)}\b", facts.words)) > 1
    return not mentioned and not any(isinstance(one.node, ast.Call) for one in named)


def _edits(facts: ReviewFacts, use: ScheduleUse, cycle: Cycle) -> tuple[Edit, ...]:
    """After each step when its length counts batches, else after the loop over batches."""
    if use.cls == "ReduceLROnPlateau" or not one_scope(facts, use.made.node, cycle.step.node):
        return ()  # the one needs a number that is watched
    given = [*use.value.args, *use.value.kwargs.values()]
    often = use.cls in ("OneCycleLR", "LambdaLR") or any(counts_batches(one) for one in given)
    inner = cycle.loop.node if len(cycle.step.loops) > 1 and cycle.loop is not None and not often else None
    return line_after(inner or cycle.step.node, f"{use.name}.step()")


RULE = Rule("scheduler-never-stepped", Severity.CRITICAL, check)
