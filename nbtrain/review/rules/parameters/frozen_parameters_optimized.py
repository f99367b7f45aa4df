"""The optimizer also holds parameters that are frozen.

What it does
Looks for a part of a model that is frozen while the optimizer gets the parameters of the whole model. Among
live objects, counts the frozen tensors in each optimizer.

Why it hurts
It does no harm as long as they have no gradient. A gradient left from before the freezing is applied once
more, and unfreezing later brings them back at full rate unseen.

Bad
```python
import torch
from torch import nn
from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
for parameter in model.layer1.parameters():
    parameter.requires_grad = False
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
```

Good
```python
import torch
from torch import nn
from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
for parameter in model.layer1.parameters():
    parameter.requires_grad = False
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
```

When to ignore
The layers are unfrozen later in the run, on purpose.

Source: torch.optim skips parameters whose `.grad` is None, and no others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.symbolic.values import Made
from nbtrain.notebook.training_models import frozen_parts, given_parameters, holds
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for optimizer in facts.held.optimizers:
        frozen = sum(not one.requires_grad for one in optimizer.tensors.values())
        if 0 < frozen < len(optimizer.tensors):
            seen = f"{frozen} of its {len(optimizer.tensors)} tensors are frozen"
            yield _problem(optimizer.name, seen, None, Confidence.CERTAIN)
    for event in facts.story.made("optimizer"):
        given = given_parameters(event.subject) or ()
        text = ast.unparse(event.node)
        if not isinstance(event.subject, Made) or "requires_grad" in text or facts.story.of("unfreeze"):
            continue
        for frozen_at, part in frozen_parts(facts.story):
            if any(holds(model, part) and not holds(part, model) for model in given):
                name = facts.story.name_of(event.subject) or "optimizer"
                seen = f"part of the model is frozen on line {frozen_at.line}"
                yield _problem(name, seen, event.line, Confidence.LIKELY)
                break


def _problem(name: str, seen: str, line: int | None, confidence: Confidence) -> Problem:
    return Problem(
        issue=f"`{name}` also holds frozen parameters",
        current="all parameters of the model",
        recommended="[p for p in model.parameters() if p.requires_grad]",
        evidence=f"`{name}`: {seen}",
        line=line,
        name=name,
        confidence=confidence,
        fix="[p for p in model.parameters() if p.requires_grad]",
    )


RULE = Rule("frozen-parameters-optimized", Severity.INFO, check)
