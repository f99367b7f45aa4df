"""Nothing fixes the random numbers of a training.

What it does
Looks for a call that sets a seed (`torch.manual_seed`, `seed_everything`, `set_seed`, a generator's
`manual_seed`) in a source that makes its own model and trains it. Transformers' Trainer seeds by itself.

Why it hurts
Two runs of the same code differ, and a change of 1 % may be a change of luck: what helped cannot be told,
and a failure cannot be repeated.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(data, batch_size=64, shuffle=True)
for epoch in range(20):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
```

Good
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(0)
model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(data, batch_size=64, shuffle=True)
for epoch in range(20):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
```

When to ignore
Many runs are compared by their mean, each with a seed of its own choosing.

Source: PyTorch's notes on reproducibility. Ten epochs or 1000 steps, below which nothing is said, are our
own choice.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.long_runs import called, length_of, long_cycles
from nbtrain.review.rule import Gap, Problem, Rule

# Functions of these names may set a seed inside.
MAY_SEED = ("seed", "determin", "reproduc", "setup", "init_env", "fix_random", "prepare_env")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    cycles = [one for one in long_cycles(facts) if one.training.optimizer and not one.training.optimizer.live]
    if not cycles or not facts.story.of("made") or called(facts.story.of("call"), *MAY_SEED):
        return
    cycle = cycles[0]
    yield Problem(
        issue="No seed is set: this training cannot be repeated",
        current="no seed",
        recommended="torch.manual_seed(0) before the model is made",
        evidence=f"{length_of(cycle)} of `{cycle.name}`, and no call that sets a seed in the source",
        line=cycle.step.line,
        name=cycle.name,
        fix="torch.manual_seed(0)",
    )


RULE = Rule("no-seed", Severity.INFO, check)
