"""SGD without momentum.

What it does
Looks for `torch.optim.SGD` with momentum 0, PyTorch's default, on a network of several layers that is
trained in a loop.

Why it hurts
Plain SGD needs several times as many steps on most deep networks. Nearly every published recipe with SGD
has 0.9.

Bad
```python
import torch
from torch import nn

model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

When to ignore
Teaching examples, differential privacy, federated averaging, and inner loops of meta-learning.

Threshold: momentum 0; Sutskever et al. (2013) on the worth of momentum, 0.9 by custom.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, is_live
from nbtrain.review.words import described

LAYERS = 2


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    deep = len(facts.story.made("weighted")) >= LAYERS or facts.architecture.depth >= LAYERS
    trained = {training.optimizer.key for training in facts.trainings if training.optimizer is not None}
    for optimizer in facts.optimizers:
        momentum = optimizer.momentum
        if optimizer.family != "sgd" or not momentum.known or momentum.high > 0 or not deep:
            continue
        if optimizer.key not in trained and not facts.only_live:
            continue
        yield Problem(
            issue=f"{described(optimizer)} has no momentum",
            current="momentum=0",
            recommended="momentum=0.9",
            evidence=f"SGD without momentum on line {optimizer.line}"
            if optimizer.line
            else "SGD with momentum 0",
            line=optimizer.line,
            name=optimizer.name,
            confidence=is_live(optimizer.live),
            fix="momentum=0.9",
        )


RULE = Rule("momentum-missing", Severity.INFO, check)
