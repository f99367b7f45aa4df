"""A batch that is shown two hundred times is not learned.

What it does
With `--probe --sanity`, runs the source on copies with loaders that give the same batch each time, its
schedule held at its highest rate. Reported when the loss is still above nine tenths of where it began.

Why it hurts
A network that cannot learn one batch by heart will not learn a data set: something between the input, the
loss and the step is broken, or the learning rate is far off.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
data = TensorDataset(torch.randn(64, 8), torch.randint(0, 3, (64,)))
train_loader = DataLoader(data, batch_size=16, shuffle=True)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-7)
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
data = TensorDataset(torch.randn(64, 8), torch.randint(0, 3, (64,)))
train_loader = DataLoader(data, batch_size=16, shuffle=True)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
```

When to ignore
Losses with a floor of their own (contrastive, adversarial, ELBO), very small rates on purpose, and networks
that were trained before.

Threshold: 200 steps as in torchtest2, which asks for a tenth of the loss; that nothing at all is learned is
    held against nine tenths, our own choice. Karpathy, "A Recipe for Training Neural Networks" (2019).
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.situation import DIFFUSION, GAN, RL
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, could_not

LEARNED, ENOUGH = 0.9, 100


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    seen = facts.probe.one_batch if facts.probe is not None else None
    if seen is None or facts.is_situation(GAN, RL, DIFFUSION):
        return
    if seen.how or seen.first is None or seen.last is None or seen.steps < ENOUGH:
        yield could_not("whether one batch can be learned", seen.how or f"only {seen.steps} steps were taken")
    elif 0 < seen.first * LEARNED < seen.last:
        cycle = facts.cycles[0] if facts.cycles else None
        yield Problem(
            issue="One batch, shown again and again, is not learned",
            current=f"loss {seen.first:.4g} to {seen.last:.4g} in {seen.steps} steps",
            recommended="find out why before the data set is tried",
            evidence=(
                f"seen in the probe: {seen.steps} steps on copies with the first batch of each loader; "
                f"the loss went from {seen.first:.4g} to {seen.last:.4g}"
            ),
            line=cycle.step.line if cycle is not None else None,
            name=cycle.name if cycle is not None else "",
            confidence=Confidence.CERTAIN,
            fix="%train lr-find",
        )


RULE = Rule("cannot-overfit-one-batch", Severity.WARNING, check, needs_probe=True, needs_sanity=True)
