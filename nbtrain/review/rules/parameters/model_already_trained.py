"""The model that is about to be trained has been trained before in this kernel.

What it does
Asks the ledger of this kernel's runs (`%train`, `%%train`, `nbtrain.train`, `nbtrain.watch`) about each live
model that the source trains, or that is reviewed by itself. A warning where the optimizer starts anew, which
is what a cell that is run a second time does; a note where model and optimizer go on together. A source that
makes the model itself, draws its weights anew or loads some is left alone.

Why it hurts
The run does not start where its cell says that it does: its first loss is that of a trained model, epochs
add up unseen, and a comparison with another setting compares different amounts of training.

Bad
```python
# %% ran before
import nbtrain
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

model = nn.Linear(10, 2)
data = TensorDataset(torch.randn(64, 10), torch.randint(0, 2, (64,)))
train_loader = DataLoader(data, batch_size=16, shuffle=True)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
loss = nn.CrossEntropyLoss()
run = nbtrain.train(model, train_loader, optimizer=optimizer, loss=loss, epochs=3, log="json").wait()

# %% under review
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

Good
```python
# %% ran before
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

data = TensorDataset(torch.randn(64, 10), torch.randint(0, 2, (64,)))
train_loader = DataLoader(data, batch_size=16, shuffle=True)

# %% under review
model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

When to ignore
Training goes on from those weights on purpose, such as a second phase with a lower learning rate.

Source: the record of this kernel; a loop that neither `%%train` nor `nbtrain.watch` followed is not in it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.held import HeldModel
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

ANEW = (".load_state_dict", ".apply", ".reset_parameters", ".load_best", ".init_weights", ".reset")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    ledger = sys.modules.get("nbtrain.running.ledger")  # what nobody has loaded holds nothing
    if ledger is None or not (facts.only_live or facts.trainings) or facts.story.calls(*ANEW):
        return
    for model in facts.held.models:
        said = ledger.trained(model.obj)
        if said is None:
            continue
        goes_on = facts.only_live or _goes_on(facts, model)
        name = model.name
        yield Problem(
            issue=f"`{name}` has been trained before in this kernel: {said}",
            current=f"trained {said}",
            recommended="run the cell that makes it first, or go on with its optimizer on purpose",
            evidence=(
                f"the ledger of this kernel's runs holds `{name}` itself: {said}; "
                + ("its optimizer goes on with it" if goes_on else "its optimizer starts anew")
            ),
            line=_line(facts, name),
            name=name,
            confidence=Confidence.CERTAIN,
            fix=f"# run the cell that makes `{name}` again, then this one",
            severity=Severity.INFO if goes_on else None,
        )


def _goes_on(facts: ReviewFacts, model: HeldModel) -> bool:
    """The source makes no optimizer, or one that is live has moments of this model's parameters."""
    if not facts.story.made("optimizer"):
        return True
    return any(_has_moments(one.obj) for one in facts.held.optimizers if model in facts.held.models_of(one))


def _has_moments(optimizer: Any) -> bool:
    return bool(vars(optimizer).get("state"))


def _line(facts: ReviewFacts, name: str) -> int | None:
    """Where the source first runs the model."""
    runs = [event.line for event in facts.story.of("forward") if facts.story.name_of(event.subject) == name]
    return min(runs, default=None)


RULE = Rule("model-already-trained", Severity.WARNING, check)
