"""All that the optimizer holds is frozen: nothing can learn.

What it does
Looks for a model whose parameters are all frozen (`requires_grad = False`), none unfrozen and no layer
replaced afterwards, and which is trained all the same, whole or by its old head. Among live objects, looks at
optimizers none of whose parameters requires a gradient.

Why it hurts
Backward fails, or nothing moves: every epoch gives the same numbers.

Bad
```python
import torch
from torch import nn
from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
for parameter in model.parameters():
    parameter.requires_grad = False
optimizer = torch.optim.AdamW(model.fc.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn
from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
for parameter in model.parameters():
    parameter.requires_grad = False
model.fc = nn.Linear(512, 10)
optimizer = torch.optim.AdamW(model.fc.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

When to ignore
Never for training; a frozen model that is only run needs no optimizer.

Source: PyTorch forum thread 84911, one of the silent errors TrainCheck (OSDI 2025) reproduces.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.symbolic.values import options
from nbtrain.notebook.training_models import (
    changed_elsewhere,
    frozen_parts,
    given_parameters,
    holds,
    replaced_layers,
)
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for optimizer in facts.held.optimizers:
        if optimizer.tensors and not any(one.requires_grad for one in optimizer.tensors.values()):
            seen = f"none of its {len(optimizer.tensors)} tensors requires a gradient"
            yield _problem(optimizer.name, seen, None, Confidence.CERTAIN)
    for cycle in facts.cycles:
        given = [given_parameters(one) for one in options(cycle.step.subject)]
        if cycle.hidden or not given or any(not one for one in given):
            continue
        for event, frozen in frozen_parts(facts.story):
            later = [one for one in facts.story.of("unfreeze") if one.at > event.at]
            replaced = replaced_layers(facts.story, frozen, after=event.at, before=cycle.step.at)
            whole = all(holds(frozen, model) for models in given for model in models or ())
            if not whole or later or replaced or event.at > cycle.step.at:
                continue
            if changed_elsewhere(facts.story, frozen, after=event.at):
                continue
            yield _problem(
                cycle.name, f"all of it is frozen on line {event.line}", event.line, Confidence.LIKELY
            )
            break


def _problem(name: str, seen: str, line: int | None, confidence: Confidence) -> Problem:
    return Problem(
        issue=f"Everything that `{name}` holds is frozen",
        current="requires_grad=False for all parameters",
        recommended="requires_grad_(True) for what should learn",
        evidence=f"`{name}`: {seen}",
        line=line,
        name=name,
        confidence=confidence,
        fix="model.fc.requires_grad_(True)",
    )


RULE = Rule(
    "frozen-everything",
    Severity.CRITICAL,
    check,
    explains=("graph-detached", "optimizer-missing-params", "output-ignores-input"),
)
