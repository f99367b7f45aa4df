"""OneCycleLR is planned for another number of steps than the training takes.

What it does
Compares OneCycleLR's length (`total_steps`, or `epochs` times `steps_per_epoch`) with the loop that steps
it: other epochs; the length of a data set in place of its loader; the batches of an epoch while the step
waits for several; the number of epochs as `total_steps` while it is stepped by batch.

Why it hurts
Too short, `scheduler.step()` raises once the plan is used up, hours into the run. Too long, the training ends
at a high rate and never anneals, which is where OneCycle gains its accuracy.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.1, epochs=10, steps_per_epoch=len(train_loader)
)
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
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.1, epochs=20, steps_per_epoch=len(train_loader)
)
for epoch in range(20):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        scheduler.step()
```

When to ignore
The loop is left early on purpose, and the plan is meant for more.

Source: PyTorch's documentation of OneCycleLR; pytorch issue 65417.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.scheduling import (
    ScheduleUse,
    counts_batches,
    cycle_of,
    epoch_loop,
    epochs,
    measured,
    rhythm,
    schedule_uses,
)  # fmt: skip
from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.machine import Loop
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.notebook.symbolic.values import Const, Made, Value, name_of, options, same
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

DATA_WORDS = ("dataset", "data", "_ds", "_set", "trainset")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for use in schedule_uses(facts.story):
        cycle = cycle_of(use, facts.cycles)
        if use.cls != "OneCycleLR" or cycle is None or not use.steps or cycle.hidden:
            continue
        if why := _mismatch(use, cycle, rhythm(use, cycle), facts):
            yield Problem(
                issue=f"`{use.name}` is planned for another number of steps than it takes",
                current=f"OneCycleLR on line {use.made.line}",
                recommended="total_steps = epochs * optimizer steps an epoch",
                evidence=why,
                line=use.made.line,
                name=use.name,
                fix="total_steps=epochs * len(train_loader)",
            )


def _mismatch(use: ScheduleUse, cycle: Cycle, often: str, facts: ReviewFacts) -> str:
    if _goes_once(cycle.loop):
        return ""
    total, planned = epochs(cycle), use.number("epochs", 3)
    each = use.argument("steps_per_epoch", 4)
    if often not in ("step", "batch"):
        return ""
    if planned is not None and total is not None and planned != total and each is not None:
        return f"planned for {planned:g} epochs, the loop runs {total:g}"
    steps = use.number("total_steps", 2)
    if steps is not None and total is not None and steps == total and len(cycle.step.loops) > 1:
        return f"total_steps={steps:g} is the number of epochs, and it is stepped with every batch"
    given, run = use.argument("total_steps", 2), epoch_loop(cycle)
    if given is not None and run is not None and _goes_as_often(run, given):
        return "total_steps is the number of epochs, and it is stepped with every batch"
    source = measured(each)
    if source is not None and _is_data(source):
        return "steps_per_epoch is the number of samples, not of batches"
    if cycle.waits and often == "step" and source is not None:
        return f"steps_per_epoch counts batches, and the step on line {cycle.step.line} waits for several"
    lengths = {name: _length(loader) for name, loader in facts.held.loaders}
    batches = next(
        (n for name, n in lengths.items() if cycle.training.batch and cycle.training.batch.name == name), None
    )
    if (
        steps is not None
        and total is not None
        and batches
        and not counts_batches(use.argument("total_steps", 2))
    ):
        taken = batches * total
        if not cycle.waits and abs(steps - taken) > 1:
            return f"total_steps={steps:g}, and {total:g} epochs of {batches} batches are {taken:g} steps"
    return ""


def _goes_as_often(loop: Loop, number: Value) -> bool:
    """The loop over epochs is `range(n)`, and the number is that very n, known or not."""
    over = options(loop.iterable) if loop.iterable is not None else ()
    made = [one for one in over if isinstance(one, Made)]
    bounds = made[0].args if len(made) == 1 and made[0].path == "builtins.range" else []
    if len(bounds) != 1 or isinstance(number, Const):
        return False
    ours, theirs = options(bounds[0]), options(number)
    return len(ours) == len(theirs) and all(same(a, b) for a, b in zip(ours, theirs, strict=True))


def _goes_once(loop: Loop | None) -> bool:
    """`for _ in range(1)` around a step on all data: the loop around it goes as often as steps are taken."""
    over = options(loop.iterable) if loop is not None and loop.iterable is not None else ()
    ranges = [one.args for one in over if isinstance(one, Made) and one.path == "builtins.range"]
    return any(len(args) == 1 and isinstance(args[0], Const) and args[0].value == 1 for args in ranges)


def _length(loader: object) -> int | None:
    """The batches of a live loader over a data set of torch's own; others would have to be asked."""
    data = vars(loader).get("dataset")
    if not type(data).__module__.startswith("torch.utils.data"):
        return None
    try:
        return len(loader)  # type: ignore[arg-type]
    except TypeError:
        return None


def _is_data(value: Value) -> bool:
    kind = kind_of(value)
    name = (getattr(value, "alias", "") or name_of(value)).lower()
    return kind == "dataset" or (not kind and "load" not in name and name.endswith(DATA_WORDS))


RULE = Rule("onecycle-total-steps-mismatch", Severity.CRITICAL, check)
