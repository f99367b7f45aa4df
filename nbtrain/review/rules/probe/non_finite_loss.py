"""The loss is NaN or infinite in the first steps.

What it does
Looks at the losses of the two steps that a probe takes.

Why it hurts
From the first NaN on every weight is NaN: nothing is learned, whatever the run costs.

Bad
```python
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
x, y = torch.full((16, 8), float("nan")), torch.randint(0, 3, (16,))
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
Never; a scaler that leaves out its first steps shows in the gradients, not in the loss.

Source: IEEE 754; the first check of every debugger of trainings (SageMaker Debugger, UMLAUT, TheDeepChecker).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for one in facts.probe.of("loss", "backward") if facts.probe is not None else ():
        value = one.data.get("value")
        if value is None or math.isfinite(value) or (one.kind == "loss" and not one.data["trains"]):
            continue
        yield Problem(
            issue=f"The loss is {value} in optimizer step {one.step + 1}",
            current=f"a loss of {value}",
            recommended="look at the inputs and targets of this batch first, then at log, sqrt and division",
            evidence=f"seen in the probe: the loss on line {one.line} was {value}",
            line=one.line,
            confidence=Confidence.CERTAIN,
            fix="assert torch.isfinite(x).all()",
        )
        return


RULE = Rule("non-finite-loss", Severity.CRITICAL, check, needs_probe=True)
