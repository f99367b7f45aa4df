"""Softmax is applied before a cross-entropy that applies it again.

What it does
Follows what goes into `CrossEntropyLoss` or `F.cross_entropy`, through views, attributes and the models of
the source:
its last operation is a softmax. `log_softmax` changes nothing and is left alone.

Why it hurts
The loss sees numbers between 0 and 1 as logits: it cannot fall below about ln(1 + (C - 1) / e), gradients are
tiny, and the network learns slowly and badly while nothing fails.

Bad
```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1))
criterion = nn.CrossEntropyLoss()
loss = criterion(model(x), y)
```

Good
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
criterion = nn.CrossEntropyLoss()
loss = criterion(model(x), y)
```

When to ignore
Never: for probabilities as input take their logarithm and NLLLoss.

Source: PyTorch's documentation of CrossEntropyLoss ("unnormalized logits"); lightning-bolts issue 654.
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
        if loss.kind == "cross-entropy" and done == "softmax":
            line = getattr(op.node if op is not None else None, "lineno", loss.line)
            if line in said:
                continue
            said.add(line)
            yield Problem(
                issue=f"{loss.name} gets probabilities: softmax is applied twice",
                current=f"softmax on line {line}, {loss.name} on line {loss.line}",
                recommended="give it the logits",
                evidence=(
                    f"softmax is the last operation on its input (line {line}); {loss.name} applies "
                    "log-softmax itself"
                ),
                line=line,
                fix="loss = criterion(logits, y)",
                edits=taken_away(facts, op),
            )


RULE = Rule("softmax-before-cross-entropy", Severity.CRITICAL, check)
