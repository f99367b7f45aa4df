"""Gradients are clipped while a GradScaler's factor is still in them.

What it does
Looks at steps through `scaler.step(optimizer)` with clipping before them and no `scaler.unscale_(optimizer)`
before the clipping. Accelerate and Fabric unscale by themselves.

Why it hurts
The scaled gradients are about 65,536 times too large, so every step is cut down to the limit and divided
by the factor
afterwards: the step becomes tens of thousands of times too small, and its size depends on the scaler.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cuda")
for x, y in train_loader:
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cuda")
for x, y in train_loader:
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
```

When to ignore
The limit itself is multiplied by `scaler.get_scale()`.

Source: PyTorch's Automatic Mixed Precision examples ("Gradient clipping"); pytorch/examples issue 1196.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.review.edits import line_before
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule
from nbtrain.review.steps import scaler_text, step_text


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for cycle in facts.cycles:
        if cycle.scaler is None or cycle.hidden:
            continue
        for clip in cycle.between("clip", cycle.backward, cycle.step):
            if not _unscaled(cycle, clip) and "get_scale" not in ast.dump(clip.node):
                yield _problem(cycle, clip)
                break


def _unscaled(cycle: Cycle, clip: Event) -> bool:
    """By `unscale_`, or by hand: gradients divided, the loss multiplied without a scaler."""
    return any(
        event.at < clip.at and cycle.in_turn(event)
        for event in [*cycle.of("unscale"), *cycle.of("grad-edit")]
    )


def _problem(cycle: Cycle, clip: Event) -> Problem:
    scaler, optimizer = scaler_text(cycle.training), step_text(cycle.training) or cycle.name
    return Problem(
        issue=f"Gradients of `{cycle.name}` are clipped while they are still scaled",
        current="clip, then scaler.step",
        recommended=f"{scaler}.unscale_({optimizer}) before clipping",
        evidence=(
            f"clipped on line {clip.line}, step through the scaler on line {cycle.step.line}, "
            "no unscale_ before"
        ),
        line=clip.line,
        name=cycle.name,
        fix=f"{scaler}.unscale_({optimizer})",
        edits=line_before(clip.node, f"{scaler}.unscale_({optimizer})"),
    )


RULE = Rule("clip-before-unscale", Severity.CRITICAL, check)
