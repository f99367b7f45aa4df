"""Gradients of several batches are added up, and nothing is divided by their number.

What it does
Looks for a step taken every k batches (by `% k`, a counter, or an inner loop) where neither the loss nor the
gradients are divided by k or by a token count. A loss that is a sum, and frameworks that divide by themselves
(transformers, Lightning, Accelerate), are left alone.

Why it hurts
The gradient is k times what one batch of that size would give: the learning rate is k times what is written,
and clipping cuts nearly every step.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for i, (x, y) in enumerate(train_loader):
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
```

Good
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for i, (x, y) in enumerate(train_loader):
    loss = nn.functional.cross_entropy(model(x), y) / 4
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
```

When to ignore
The loss is meant as a sum over the accumulated batches, and the learning rate was chosen for it.

Threshold: k above 1; transformers issue 34191 and nanoGPT issue 168 describe the fault.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.facts import NO, UNKNOWN, TrainingFact
from nbtrain.review.edits import Edit, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule
from nbtrain.review.words import shown


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for training in facts.trainings:
        accumulation = training.accumulation
        if accumulation is None:
            continue
        k = _count_text(training)
        if accumulation.divided.state == UNKNOWN:
            yield Gap(
                "Gradients are accumulated; whether the loss is "
                f"divided could not be told: {accumulation.divided.why}."
            )
        elif accumulation.divided.state == NO:
            yield Problem(
                issue=f"Gradients of {k} batches are added up without dividing the loss",
                current="loss.backward() per batch, undivided",
                recommended=f"(loss / {k}).backward()",
                evidence=(
                    f"backward on line {accumulation.line}, step on line "
                    f"{training.line} every {k} batches; no division"
                ),
                line=accumulation.line,
                name=training.name,
                fix=f"loss = loss / {k}",
                edits=_edits(training, k),
            )


def _count_text(training: TrainingFact) -> str:
    """k as the source writes it, else its value."""
    assert training.accumulation is not None
    number = training.accumulation.k
    if (
        number.text
        and number.text.replace("_", "").replace(".", "").isalnum()
        and not number.text.startswith("range")
    ):
        return number.text
    return shown(number) if number.known else "k"


def _edits(training: TrainingFact, k: str) -> tuple[Edit, ...]:
    """Divide where backward is called: inside `scaler.scale(...)` when there is one."""
    node = training.backward
    if k == "k" or not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return ()
    target: ast.expr = node.func.value
    if (
        isinstance(target, ast.Call)
        and isinstance(target.func, ast.Attribute)
        and target.func.attr == "scale"
        and target.args
    ):
        return replace_node(target.args[0], f"{ast.unparse(target.args[0])} / {k}")
    return (
        replace_node(target, f"({ast.unparse(target)} / {k})")
        if isinstance(target, ast.Name | ast.Attribute)
        else ()
    )


RULE = Rule("accumulation-unscaled-loss", Severity.CRITICAL, check)
