"""The output is the same whatever the input.

What it does
Runs a copy of the model, after the two steps of a probe and in eval mode, on a batch of samples that differ.
Reported when the outputs for all of them are the same.

Why it hurts
The model can learn the mean of the targets and nothing else: an input that forward does not use, a network
whose
units are all dead, weights that are all zero.

Bad
```python
import torch
from torch import nn

torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.start = nn.Parameter(torch.zeros(16))
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        h = self.start.expand(len(x), 16)
        return self.head(h)


model = Net()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
x, y = torch.randn(16, 8), torch.randint(0, 3, (16,))
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
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.start = nn.Parameter(torch.zeros(16))
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        h = self.start + x.repeat(1, 2)
        return self.head(h)


model = Net()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
x, y = torch.randn(16, 8), torch.randint(0, 3, (16,))
for step in range(100):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
```

When to ignore
The samples of a batch are meant to be alike.

Source: the input-dependence check of torchtest2; "all constant" of SageMaker Debugger.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for one in facts.probe.models if facts.probe is not None else ():
        if one.sees_input is False:
            yield Problem(
                issue=f"`{one.name}` gives the same output for every sample",
                current="an output that does not depend on the input",
                recommended="use the input in forward; look for dead layers",
                evidence=(
                    f"seen in the probe: after two steps the outputs of `{one.name}` in eval "
                    "mode were the same for "
                    "all samples of a batch that differ"
                ),
                line=one.line,
                name=one.name,
                confidence=Confidence.CERTAIN,
                fix="h = self.layer(x)",
            )


RULE = Rule("output-ignores-input", Severity.CRITICAL, check, needs_probe=True)
