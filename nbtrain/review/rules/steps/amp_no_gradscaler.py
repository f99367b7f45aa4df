"""Training under float16 autocast without a GradScaler.

What it does
Looks for a backward pass on a loss that was computed under `autocast` in float16 (PyTorch's default on CUDA)
and that goes through no GradScaler, enabled one, or scale of one's own. bfloat16 needs none; frameworks that
scale by themselves are left alone.

Why it hurts
Half precision has no numbers below 6e-8: small gradients become zero, and the layers they belong to stop
learning while the loss still falls.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2).cuda()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cuda")
for x, y in train_loader:
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
```

When to ignore
Never for training in float16.

Threshold: smallest positive float16 is 2^-24, about 6e-8; the recipe is PyTorch's own (Automatic Mixed
    Precision examples).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.facts import TrainingFact
from nbtrain.review.edits import Edit, add_keyword, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    through_scaler = {id(cycle.training) for cycle in facts.cycles if cycle.scaler is not None}
    for training in facts.trainings:
        if id(training) in through_scaler:
            continue  # its loss is not scaled: scaler-misused says so
        if training.scaled or training.owner not in ("person",):
            continue
        if training.precision == "mixed":
            yield Gap(
                "Autocast is used without a GradScaler; whether it computes in float16 could not be told."
            )
        elif training.precision == "fp16":
            yield Problem(
                issue="The loss is computed in float16 and goes backward without a GradScaler",
                current="float16 autocast, plain backward()",
                recommended="scaler.scale(loss).backward(), or dtype=torch.bfloat16",
                evidence=(
                    "float16 autocast and an unscaled backward pass on "
                    f"line {getattr(training.backward, 'lineno', '?')}"
                ),
                line=getattr(training.backward, "lineno", training.line),
                name=training.name,
                fix="scaler.scale(loss).backward()\nscaler.step(optimizer)\nscaler.update()",
                edits=_edits(facts, training),
            )


def _edits(facts: ReviewFacts, training: TrainingFact) -> tuple[Edit, ...]:
    """bfloat16 is the change of one word; it has float32's range and needs no scaler."""
    call = training.autocast
    if call is None or facts.source is None or not facts.source.torch_bound:
        return ()
    held = next((one.value for one in call.keywords if one.arg == "dtype"), None)
    if held is None and not (len(call.args) > 1):
        return add_keyword(call, "dtype=torch.bfloat16")
    return replace_node(held, "torch.bfloat16") if isinstance(held, ast.expr) else ()


RULE = Rule("amp-no-gradscaler", Severity.CRITICAL, check)
