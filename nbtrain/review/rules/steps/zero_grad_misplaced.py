"""Gradients that are cleared at the wrong moment: before the step that they are for, or too rarely.

What it does
Looks at the order in one turn of the training loop: gradients cleared between backward and step; cleared for
every batch while the step waits for several; or cleared only outside of the loop over batches.

Why it hurts
Cleared before the step, it does nothing, or only decays weights. Cleared for every batch, accumulation keeps
just the last one. Cleared once an epoch, each step follows the sum of all batches before it.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
```

When to ignore
Never: gradients that are thrown away on purpose need no backward pass.

Source: PyTorch issue 47175 and its documentation of gradient accumulation.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.places import moved
from nbtrain.review.rule import Gap, Problem, Rule
from nbtrain.review.steps import step_text


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for cycle in facts.cycles:
        zeros = cycle.of("zero-grad")
        if (
            not zeros
            or cycle.hidden
            or cycle.owner == "deepspeed"
            or cycle.backward.data["owner"] == "autograd"
        ):
            continue
        if early := _before_the_step(cycle, zeros):
            yield _problem(
                facts,
                cycle,
                early,
                "are cleared between backward and step: the step has nothing to follow",
                f"backward on line {cycle.backward.line}, cleared on line {early.line}, step on "
                f"line {cycle.step.line}",
            )
        elif each := _while_gathering(cycle, zeros):
            yield _problem(
                facts,
                cycle,
                each,
                "are cleared for every batch although the step waits for several",
                f"cleared on line {each.line} in every turn, step on line {cycle.step.line} only every few",
            )
        elif cycle.loop is not None and not any(cycle.in_turn(event) for event in zeros):
            last = zeros[-1]
            yield _problem(
                facts,
                cycle,
                last,
                "are cleared outside of the loop that takes the steps: each adds all batches before it",
                f"cleared on line {last.line}, steps in the loop on line {cycle.loop.line}",
            )


def _before_the_step(cycle: Cycle, zeros: list[Event]) -> Event | None:
    """The last clearing before the step, when a backward pass comes before it and none after."""
    before = [event for event in zeros if event.at < cycle.step.at and cycle.in_turn(event)]
    if not before or not cycle.always_with(before[-1], cycle.step):
        return None
    passes = [event for event in cycle.of("backward") if cycle.in_turn(event) and event.at < cycle.step.at]
    emptied = passes and all(event.at < before[-1].at for event in passes)
    return before[-1] if emptied else None


def _while_gathering(cycle: Cycle, zeros: list[Event]) -> Event | None:
    """A clearing in every turn of the loop that gathers gradients, while the step waits."""
    micro = set(cycle.backward.loops) - set(cycle.step.loops)
    for event in zeros:
        if not cycle.in_turn(event) or not cycle.always_with(event, cycle.backward):
            continue
        if cycle.waits or micro & set(event.loops):
            return event
    return None


def _problem(facts: ReviewFacts, cycle: Cycle, event: Event, what: str, evidence: str) -> Problem:
    name = step_text(cycle.training) or cycle.name
    return Problem(
        issue=f"Gradients of `{cycle.name}` {what}",
        current=f"gradients cleared on line {event.line}",
        recommended=f"{name}.zero_grad() right after {name}.step()",
        evidence=evidence,
        line=event.line,
        name=cycle.name,
        fix=f"{name}.step()\n{name}.zero_grad()",
        edits=moved(facts, event.node, cycle.step.node, after=True),
    )


RULE = Rule("zero-grad-misplaced", Severity.CRITICAL, check, explains=("graph-detached", "missing-zero-grad"))
