"""The first loss is far above that of a guess.

What it does
Compares the first cross-entropy of a probe with ln(classes), which a model that knows nothing gets. Reported
above twice that value and one more than it. Weighted losses and sums are left alone.

Why it hurts
A model that starts far from a guess is sure of wrong answers: inputs or initial weights are too large. The
first
epochs, and often the best of the learning rate, are spent on coming back.

Bad
```python
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
x, y = torch.randint(0, 256, (16, 8)).float() * 8, torch.randint(0, 3, (16,))
for step in range(100):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
x, y = torch.randn(16, 8), torch.randint(0, 3, (16,))
for step in range(100):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
```

When to ignore
A trained model meets labels of another meaning on purpose.

Threshold: twice the expected value (TheDeepChecker: within 100 % of the expectation); ln(classes) as in
Karpathy (2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

FACTOR, MARGIN = 2.0, 1.0


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    first = facts.probe.first_loss if facts.probe is not None else None
    expected = first.data.get("expected") if first is not None else None
    value = first.data["value"] if first is not None else None
    if first is None or expected is None or value is None or not math.isfinite(value):
        return
    if value > FACTOR * expected and value > expected + MARGIN:
        yield Problem(
            issue=(
                f"The first loss is {value:.3g}; a guess among {first.data['classes']} "
                f"classes gives {expected:.3g}"
            ),
            current=f"a first loss of {value:.3g}",
            recommended=f"about {expected:.3g}: scale the inputs, or make the last layer's weights smaller",
            evidence=f"seen in the probe: the loss on line {first.line} began at {value:.4g}, "
            f"ln({first.data['classes']}) is {expected:.4g}",
            line=first.line,
            confidence=Confidence.CERTAIN,
            fix="x = (x - mean) / std",
        )


RULE = Rule("initial-loss-off", Severity.WARNING, check, needs_probe=True)
