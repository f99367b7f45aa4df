"""The warm-up is as long as the whole training, or longer.

What it does
Compares the length of a warm-up with the length of the run where both are known: `warmup_steps` with
`max_steps` (transformers), `num_warmup_steps` with `num_training_steps`, LinearLR's `total_iters` or
SequentialLR's first milestone with the number of epochs when they are stepped by epoch.

Why it hurts
The rate never gets to where it was meant to be: the run ends while it still rises, undertrained, and
nothing decays.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=500)
for epoch in range(20):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    warmup.step()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=500)
for epoch in range(20):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        warmup.step()
```

When to ignore
The run is a short trial of a longer one.

Threshold: warm-up steps >= all steps; the Tuning Playbook sets at most 10 %.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.scheduling import ScheduleUse, cycle_of, epochs, rhythm, schedule_uses
from nbtrain.notebook.source_values import quantity
from nbtrain.notebook.symbolic.values import Const, Made, Seq
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

PAIRED = (
    "get_linear_schedule_with_warmup",
    "get_cosine_schedule_with_warmup",
    "get_polynomial_decay_schedule_with_warmup",
)


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for event in facts.story.made("hf-arguments"):
        made = event.subject
        if isinstance(made, Made):
            warm, total = quantity(made.kwargs.get("warmup_steps")), quantity(made.kwargs.get("max_steps"))
            if warm.known and total.known and 0 < total.high <= warm.low and warm.low >= 1:
                yield _problem("warmup_steps", warm.low, total.high, "steps", event.line, "")
    for use in schedule_uses(facts.story):
        cycle = cycle_of(use, facts.cycles)
        if use.cls in PAIRED:
            warm, total = use.number("num_warmup_steps", 1), use.number("num_training_steps", 2)
            if warm is not None and total is not None and 0 < total <= warm:
                yield _problem("num_warmup_steps", warm, total, "steps", use.made.line, use.name)
        elif cycle is not None and rhythm(use, cycle) == "epoch":
            name, length = _length(use)
            run = epochs(cycle)
            if length is not None and run is not None and length >= run > 1:
                yield _problem(name, length, run, "epochs", use.made.line, use.name)


def _length(use: ScheduleUse) -> tuple[str, float | None]:
    if use.cls == "LinearLR":
        start, end = use.number("start_factor", 1), use.number("end_factor", 2)
        rises = (1 / 3 if start is None else start) < (1.0 if end is None else end)
        return "total_iters", use.number("total_iters", 3) if rises and not use.handed else None
    if use.cls == "SequentialLR":
        held = use.argument("milestones", 2)
        first = held.items[0] if isinstance(held, Seq) and held.items else None
        return "milestones[0]", float(first.value) if isinstance(first, Const) else None
    return "", None


def _problem(what: str, warm: float, total: float, unit: str, line: int, name: str) -> Problem:
    return Problem(
        issue=f"The warm-up of {warm:g} {unit} is longer than the training",
        current=f"{what}={warm:g}, {total:g} {unit} in all",
        recommended=f"{what} of 5 to 10 % of {total:g} {unit}",
        evidence=f"{what}={warm:g} on line {line}; the run has {total:g} {unit}",
        line=line,
        name=name,
        fix=f"{what}={max(1, round(total * 0.1))}",
    )


RULE = Rule("warmup-exceeds-training", Severity.CRITICAL, check)
