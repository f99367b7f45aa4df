"""The output for one sample depends on the other samples of its batch.

What it does
Runs a copy of the model in eval mode on a batch, and again with all samples but one changed. Reported when
the
output for the one that stayed changes, and dimension 0 is surely that of the samples. A softmax over the
batch and
layers that are not batch-first have rules of their own; batch statistics on purpose are left alone.

Why it hurts
Predictions change with their neighbours in the batch: validation depends on the batch size, and a single
sample
cannot be predicted at all.

Bad
```python
import torch
from torch import nn

torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 3)

    def forward(self, x):
        h = self.body(x)
        return self.head(h - h.mean(0))


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
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 3)

    def forward(self, x):
        h = self.body(x)
        return self.head(h - h.mean(1, keepdim=True))


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
Samples are meant to see each other, as in attention between rows of a table or over the nodes of a graph.

Source: the batch-independence check of torchtest2; Karpathy, "A Recipe for Training Neural Networks" (2019).
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

OWN_RULES = ("softmax", "RNN", "LSTM", "GRU", "MultiheadAttention")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for one in facts.probe.models if facts.probe is not None else ():
        if one.independent is False and one.mixing not in OWN_RULES:
            yield Problem(
                issue=f"`{one.name}` mixes the samples of a batch",
                current="an output that depends on the other samples",
                recommended="keep dimension 0 apart in view, mean, softmax and matrix products",
                evidence=(
                    f"seen in the probe: in eval mode the output of `{one.name}` for one "
                    "sample changed when only "
                    "the others did"
                ),
                line=one.line,
                name=one.name,
                confidence=Confidence.CERTAIN,
                fix="h = h.flatten(1)",
            )


RULE = Rule("samples-mixed", Severity.CRITICAL, check, needs_probe=True)
