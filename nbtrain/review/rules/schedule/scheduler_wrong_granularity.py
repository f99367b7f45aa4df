"""A scheduler counts epochs and is stepped every batch, or counts steps and is stepped every epoch.

What it does
Compares what a scheduler counts with where it is stepped. It counts steps when its length comes from
`len(loader)` (OneCycleLR with `steps_per_epoch`, `get_linear_schedule_with_warmup`, `T_max=epochs *
len(loader)`); it counts epochs when its numbers are those of the epoch loop (`T_max=EPOCHS`, `step_size` or
milestones below the number of epochs) or decay too fast for steps (ExponentialLR below 0.99, patience of
ReduceLROnPlateau). Of what Lightning's `configure_optimizers` returns, the interval is taken,
which is an epoch unless told otherwise.

Why it hurts
Counting epochs and stepped by batch, the rate has run its whole course within the first epoch. Counting steps
and stepped by epoch, it hardly moves: a OneCycle of 10,000 steps never leaves its warm-up in 10 epochs.

Bad
```python
import torch
from torch import nn

EPOCHS = 20
model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
for epoch in range(EPOCHS):
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

EPOCHS = 20
model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
for epoch in range(EPOCHS):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
```

When to ignore
The rate is meant to oscillate within an epoch.

Threshold: 0.99 per step leaves 1e-4 of the rate after 1,000 steps; PyTorch's documentation says of each
scheduler what its `step` counts; Lightning warns of the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nbtrain.findings import Severity
from nbtrain.notebook.scheduling import ScheduleUse, counts_batches, cycle_of, epochs, rhythm, schedule_uses
from nbtrain.notebook.source_values import argument, quantity
from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.library import tail_of
from nbtrain.notebook.symbolic.values import Const, Made, Map, Seq, Value, options
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.places import moved
from nbtrain.review.rule import Gap, Problem, Rule

TOO_FAST = 0.99
LONG_PATIENCE = 50  # a patience above this many is meant in steps
LENGTHS = {
    "CosineAnnealingLR": ("T_max", 1),
    "CosineAnnealingWarmRestarts": ("T_0", 1),
    "StepLR": ("step_size", 1),
    "PolynomialLR": ("total_iters", 1),
    "LinearLR": ("total_iters", 3),
    "get_linear_schedule_with_warmup": ("num_training_steps", 2),
    "get_cosine_schedule_with_warmup": ("num_training_steps", 2),
}


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    yield from _by_lightning(facts)
    for use in schedule_uses(facts.story):
        cycle = cycle_of(use, facts.cycles)
        if cycle is None or len({id(one.node) for one in use.steps}) != 1 or use.handed or cycle.hidden:
            continue
        often = rhythm(use, cycle)
        if often == "epoch" and (why := _counts_steps(use)):
            said = _problem(
                use, cycle, f"{why}, and it is stepped once an epoch", "after each optimizer step"
            )
            yield replace(said, edits=moved(facts, use.steps[0].node, cycle.step.node, after=True))
        elif often in ("step", "batch") and len(cycle.step.loops) > 1 and (why := _counts_epochs(use, cycle)):
            said = _problem(use, cycle, f"{why}, and it is stepped with every batch", "once an epoch")
            inner = cycle.loop.node if cycle.loop is not None else None
            yield replace(said, edits=moved(facts, use.steps[0].node, inner, after=True))


def _by_lightning(facts: ReviewFacts) -> Iterator[Problem]:
    """What `configure_optimizers` returns: Lightning steps a schedule every epoch unless told otherwise."""
    if facts.story.of("manual-optimization"):
        return
    uses = {id(one.value): one for one in schedule_uses(facts.story)}
    for _, value in facts.story.returned("configure_optimizers"):
        for scheduler, interval in _configured(value):
            use = uses.get(id(scheduler))
            if use is not None and interval == "epoch" and (why := _counts_steps(use)):
                yield Problem(
                    issue=f"`{use.name}` is stepped at the wrong pace: {why}",
                    current="stepped by Lightning once an epoch",
                    recommended='"interval": "step" beside the scheduler',
                    evidence=f"{use.cls} made on line {use.made.line}; {why}, and its interval is an epoch",
                    line=use.made.line,
                    name=use.name,
                    fix='{"scheduler": scheduler, "interval": "step"}',
                )


def _configured(value: Value) -> Iterator[tuple[Value, str]]:
    """Each scheduler in what `configure_optimizers` returns, with its interval; "" where that is open."""
    for one in options(value):
        if isinstance(one, Map) and "scheduler" in one.items:
            held = one.items.get("interval", Const("" if one.open else "epoch"))
            interval = held.value if isinstance(held, Const) else ""
            yield from ((part, str(interval)) for part in options(one.items["scheduler"]))
        elif isinstance(one, Map):
            inner = one.items.get("lr_scheduler")
            yield from _configured(inner) if inner is not None else ()
        elif isinstance(one, Seq):
            for part in one.items:
                yield from _configured(part)
        else:
            yield one, "epoch"


def _counts_steps(use: ScheduleUse) -> str:
    if use.cls == "OneCycleLR":
        if use.argument("steps_per_epoch", 4) is not None and counts_batches(
            use.argument("steps_per_epoch", 4)
        ):
            return "its steps_per_epoch is the length of a loader"
        return "its total_steps counts batches" if counts_batches(use.argument("total_steps", 2)) else ""
    name, position = LENGTHS.get(use.cls, ("", None))
    return f"its {name} counts batches" if name and counts_batches(use.argument(name, position)) else ""


def _counts_epochs(use: ScheduleUse, cycle: Cycle) -> str:
    total = epochs(cycle)
    if use.cls == "ExponentialLR":
        gamma = use.number("gamma", 1)
        return f"gamma={gamma:g} is a factor for epochs" if gamma is not None and 0 < gamma < TOO_FAST else ""
    if use.cls == "ReduceLROnPlateau":
        patience = use.number("patience", 3)
        patience = 10.0 if use.argument("patience", 3) is None else patience
        return (
            f"a patience of {patience:g} counts epochs"
            if patience is not None and patience <= LONG_PATIENCE
            else ""
        )
    if use.cls == "SequentialLR":
        return _one_after_another(use, total)
    if use.cls == "MultiStepLR":
        held = use.argument("milestones", 1)
        marks = [one.value for one in held.items if isinstance(one, Const)] if isinstance(held, Seq) else []
        return (
            f"its milestones {marks} lie within {total:g} epochs"
            if marks and total and max(marks) <= total
            else ""
        )
    name, position = LENGTHS.get(use.cls, ("", None))
    length = use.number(name, position) if name and not name.startswith("num_") else None
    if length is None or total is None or total < 2:
        return ""
    fits = length == total if use.cls in ("CosineAnnealingLR", "PolynomialLR") else length <= total
    fits = fits and use.cls != "LinearLR"
    return f"its {name}={length:g} fits {total:g} epochs" if fits else ""


def _one_after_another(use: ScheduleUse, total: float | None) -> str:
    """A warm-up and a decay that together last as long as there are epochs."""
    marks, inner = use.argument("milestones", 2), use.argument("schedulers", 1)
    last = inner.items[-1] if isinstance(inner, Seq) and inner.items and not inner.open else None
    mark = quantity(marks.items[-1]) if isinstance(marks, Seq) and marks.items else None
    if not isinstance(last, Made) or mark is None or not mark.known or not total or total < 2:
        return ""
    name, position = LENGTHS.get(tail_of(last.path), ("", None))
    length = quantity(argument(last, name, position)) if name else mark
    fits = length.known and mark.high <= total and length.high in (total, total - mark.high)
    return f"its warm-up of {mark.high:g} and its {name} fit {total:g} epochs" if name and fits else ""


def _problem(use: ScheduleUse, cycle: Cycle, why: str, better: str) -> Problem:
    line = use.steps[0].line
    return Problem(
        issue=f"`{use.name}` is stepped at the wrong pace: {why}",
        current=f"{use.name}.step() on line {line}",
        recommended=f"step it {better}",
        evidence=f"{use.cls} made on line {use.made.line}, stepped on line {line}; {why}",
        line=line,
        name=use.name,
        fix=f"{use.name}.step()  # {better}",
    )


RULE = Rule("scheduler-wrong-granularity", Severity.CRITICAL, check)
