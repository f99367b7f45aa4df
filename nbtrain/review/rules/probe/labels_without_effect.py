"""What is learned is the same when the labels belong to other samples.

What it does
With `--probe --sanity`, runs the source on copies for some steps with its data, and again with the labels of
each batch in another order. Noted when the loss has come down, and by no more than with the wrong labels.

Why it hurts
What was learned is how frequent each label is, not which sample has it: inputs and labels may be in different
orders, or the input may not reach the output. A training like that ends at the accuracy of a constant answer.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(512, 8)
labels = (inputs[:, 0] + 1.2 > 0).long()
inputs = inputs[torch.randperm(512)]
train_loader = DataLoader(TensorDataset(inputs, labels), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
```

Good
```python
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(512, 8)
labels = (inputs[:, 0] + 1.2 > 0).long()
train_loader = DataLoader(TensorDataset(inputs, labels), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
```

When to ignore
Tasks whose signal shows only after thousands of steps; the experiment takes a hundred.

Threshold: a fall of a tenth, and a difference within half the spread from batch to batch, are our own choice;
    the experiment is the permutation of labels of Zhang et al. (2017).
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.situation import DIFFUSION, GAN, RL
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, could_not

FALL, SAME, ENOUGH = 0.9, 0.5, 60


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    seen = facts.probe.labels if facts.probe is not None else None
    if seen is None or facts.is_situation(GAN, RL, DIFFUSION):
        return
    if seen.how or seen.steps < ENOUGH:
        yield could_not("whether the labels matter", seen.how or f"only {seen.steps} steps were taken")
    elif seen.first is None or seen.last is None or seen.shuffled is None or seen.spread is None:
        yield could_not("whether the labels matter", "no loss was seen")
    elif seen.last > seen.first * FALL:
        yield could_not("whether the labels matter", f"{seen.steps} steps have learned nothing yet")
    elif seen.shuffled - seen.last <= SAME * seen.spread:
        cycle = facts.cycles[0] if facts.cycles else None
        yield Problem(
            issue="With the labels of other samples the loss falls just as far",
            current=f"loss {seen.last:.4g}, with shuffled labels {seen.shuffled:.4g}",
            recommended="check that sample and label belong together",
            evidence=(
                f"seen in the probe: {seen.steps} steps each; {seen.first:.4g} to {seen.last:.4g} as it is, "
                f"to {seen.shuffled:.4g} with labels in another order; batches differ by {seen.spread:.2g}"
            ),
            line=cycle.step.line if cycle is not None else None,
            name=cycle.name if cycle is not None else "",
            confidence=Confidence.POSSIBLE,
            fix="x, y = next(iter(train_loader))  # look at a few pairs",
        )


RULE = Rule("labels-without-effect", Severity.INFO, check, needs_probe=True, needs_sanity=True)
