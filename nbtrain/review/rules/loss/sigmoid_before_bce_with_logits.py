"""Sigmoid is applied before a loss that applies it again.

What it does
Follows what goes into `BCEWithLogitsLoss` or its function, through views, attributes and the models of the
source: its
last operation is a sigmoid.

Why it hurts
The loss takes numbers between 0 and 1 for logits: no prediction below one half is possible, and the loss
stays above 0.31 for positives and 0.69 for negatives.

Bad
```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())
criterion = nn.BCEWithLogitsLoss()
loss = criterion(model(x), y)
```

Good
```python
import torch
from torch import nn

model = nn.Linear(8, 1)
criterion = nn.BCEWithLogitsLoss()
loss = criterion(model(x), y)
```

When to ignore
Never: for probabilities as input take BCELoss.

Source: PyTorch's documentation of BCEWithLogitsLoss.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.losses_read import last_done, loss_calls
from nbtrain.review.activations import taken_away
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    said: set[int] = set()
    for loss in loss_calls(facts.story):
        done, op = last_done(loss.input)
        if loss.kind == "bce-with-logits" and done in ("sigmoid", "softmax"):
            line = getattr(op.node if op is not None else None, "lineno", loss.line)
            if line in said:
                continue
            said.add(line)
            yield Problem(
                issue=(
                    f"{loss.name} gets probabilities: {done} comes before the sigmoid that it applies itself"
                ),
                current=f"{done} on line {line}, {loss.name} on line {loss.line}",
                recommended="give it the logits",
                evidence=f"{done} is the last operation on its input (line {line})",
                line=line,
                fix="loss = criterion(logits, y)",
                edits=taken_away(facts, op),
            )


RULE = Rule("sigmoid-before-bce-with-logits", Severity.CRITICAL, check)
