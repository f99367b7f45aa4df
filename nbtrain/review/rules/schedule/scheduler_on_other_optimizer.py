"""A scheduler drives an optimizer that takes no steps.

What it does
Looks for a scheduler that is stepped while the optimizer it was given never steps: mostly the optimizer was
made anew after the scheduler. Among live objects, looks for a scheduler whose optimizer no name of the
notebook holds.

Why it hurts
The schedule moves a rate that nobody uses. The training runs at the new optimizer's first rate to the end.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(20):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)
for epoch in range(20):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
```

When to ignore
The first optimizer is stepped by code that is not in the reviewed source.

Source: a scheduler writes into the `param_groups` of the optimizer it was made with
(torch.optim.lr_scheduler).
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.scheduling import ScheduleUse, schedule_uses
from nbtrain.notebook.story import Cycle, may_be_same
from nbtrain.notebook.symbolic.values import Live, Made, options
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    yield from _live(facts)
    steps = facts.story.of("optim-step")
    trained = [one for event in steps for one in options(event.subject)]
    for use in schedule_uses(facts.story):
        known = use.optimizer is not None and all(
            isinstance(one, Made | Live) for one in options(use.optimizer)
        )
        if (
            not use.steps
            or not known
            or not trained
            or not all(isinstance(one, Made | Live) for one in trained)
        ):
            continue
        driven = use.optimizer is not None and any(may_be_same(one, use.optimizer) for one in trained)
        if driven and (rival := _steps_elsewhere(facts, use)) is not None:
            yield _problem(use, rival)
        if facts.cycles and not driven and not any(cycle.hidden for cycle in facts.cycles):
            yield _problem(use, facts.cycles[0])


def _steps_elsewhere(facts: ReviewFacts, use: ScheduleUse) -> Cycle | None:
    """The training in whose loop a scheduler is stepped whose own optimizer steps only in other loops.

    None where another scheduler serves that training, or where a loop is not known.
    """
    if any(not step.loops for step in use.steps) or len(facts.cycles) < 2:
        return None
    around = {step.loops[0] for step in use.steps}
    inside = [one for one in facts.cycles if one.step.loops[:1] and one.step.loops[0] in around]
    if not inside or any(one.hidden or not one.models for one in facts.cycles):
        return None
    if any(may_be_same(one.step.subject, use.optimizer) for one in inside if use.optimizer is not None):
        return None
    served = [other for other in schedule_uses(facts.story) if other is not use and other.steps]
    return None if served else inside[0]


def _problem(use: ScheduleUse, cycle: Cycle) -> Problem:
    line = getattr(getattr(use.optimizer, "node", None), "lineno", None)
    return Problem(
        issue=f"`{use.name}` drives an optimizer that takes no steps in this training",
        current=f"{use.cls} on the optimizer of line {line}",
        recommended="make the scheduler of the optimizer that trains",
        evidence=f"stepped on line {use.steps[0].line}; the training steps another optimizer "
        f"(line {cycle.step.line})",
        line=use.made.line,
        name=use.name,
        fix=f"{use.name} = {use.cls}({cycle.name}, ...)",
    )


def _live(facts: ReviewFacts) -> Iterator[Problem]:
    known = {id(one.obj) for one in facts.held_anywhere.optimizers}
    for name, scheduler in facts.held.schedulers:
        driven = vars(scheduler).get("optimizer")
        # Accelerate and others wrap optimizers: one whose tensors a named one shares is taken as held.
        tensors = (
            {id(one) for group in vars(driven).get("param_groups", ()) for one in group.get("params", ())}
            if driven
            else set()
        )
        rivals = [
            one for one in facts.held_anywhere.optimizers if tensors & one.tensors.keys() or not tensors
        ]
        if driven is None or id(driven) in known or not rivals:
            continue
        yield Problem(
            issue=f"`{name}` drives an optimizer that no name of the notebook holds",
            current=f"{type(scheduler).__name__} on an earlier optimizer",
            recommended=f"make `{name}` again, with `{rivals[0].name}`",
            evidence=(
                f"`{name}` was made for another object than `{rivals[0].name}`, which has the same parameters"
            ),
            name=name,
            confidence=Confidence.CERTAIN,
            fix=f"{name} = {type(scheduler).__name__}({rivals[0].name}, ...)",
        )


RULE = Rule(
    "scheduler-on-other-optimizer",
    Severity.CRITICAL,
    check,
    explains=("transformer-no-warmup", "long-training-constant-lr"),
)
