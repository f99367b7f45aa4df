"""Gradients are clipped where it has no effect: before the backward pass or after the step.

What it does
Looks at the order in one turn of the training loop. Clipping that stands before the backward pass, or after
the step, with none between the two, is reported.

Why it hurts
The step follows unclipped gradients. The code looks protected and is not: the first bad batch throws the
weights away.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
```

When to ignore
The norm that the call returns is only logged, and clipping is not wanted.

Source: order of the calls in PyTorch's documentation of `clip_grad_norm_`.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.values import Const
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.places import moved
from nbtrain.review.rule import Gap, Problem, Rule

ENDLESS = 1e4  # a limit so high only measures the norm


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for cycle in facts.cycles:
        clips = [event for event in cycle.of("clip") if cycle.in_turn(event) and not _only_measures(event)]
        if not clips or cycle.hidden or cycle.training.several_optimizers:
            continue
        own = cycle.backward.data["owner"] == "autograd"  # else derivatives that are taken on the way
        passes = [
            event
            for event in cycle.of("backward")
            if cycle.in_turn(event) and (own or event.data["owner"] != "autograd")
        ]
        between = [e for e in clips if any(b.at < e.at for b in passes) and e.at < cycle.step.at]
        if between or not passes:
            continue
        yield _problem(facts, cycle, clips[0], passes[0])


def _only_measures(event: Event) -> bool:
    given = [*event.data["args"][1:2], *(event.data["kwargs"].get(n) for n in ("max_norm", "clip_value"))]
    return any(
        isinstance(one, Const) and isinstance(one.value, int | float) and one.value > ENDLESS for one in given
    )


def _problem(facts: ReviewFacts, cycle: Cycle, clip: Event, backward: Event) -> Problem:
    late = clip.at > cycle.step.at
    where = "after the step" if late else "before the backward pass"
    return Problem(
        issue=f"Gradients of `{cycle.name}` are clipped {where}, where it has no effect",
        current=f"clipped on line {clip.line}",
        recommended="clip between backward() and step()",
        evidence=(
            f"backward on line {backward.line}, step on line {cycle.step.line}, clipped on line {clip.line}"
        ),
        line=clip.line,
        name=cycle.name,
        fix="loss.backward()\ntorch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\noptimizer.step()",
        edits=moved(facts, clip.node, cycle.step.node, after=False),
    )


RULE = Rule("clip-misplaced", Severity.CRITICAL, check)
