"""More than 30 epochs at one learning rate.

What it does
Looks at loops over more than 30 epochs of batches (and at trainers told to run so long) where nothing
changes the
rate: no scheduler, no rate set by hand, no unresolved function that gets the optimizer. Adversarial pairs
    (several
optimizers in one loop), LBFGS and self-tuning optimizers are left alone.

Why it hurts
A rate that is right at the start is too large at the end: the loss circles its minimum, and the last two
thirds of the hours buy little. Decay, linear or cosine, is worth more than most other changes.

Bad
```python
import torch
from torch import nn

model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(100):
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

model = nn.Linear(10, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=100)
for epoch in range(100):
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    scheduler.step()
```

When to ignore
Adversarial and reinforcement training, and full-batch training, where an epoch is one step.

Threshold: 30 epochs is our own choice; decay after the Tuning Playbook.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.facts import NO, UNKNOWN, TrainingFact
from nbtrain.notebook.situation import DIFFUSION, GAN, RL
from nbtrain.review.edits import Edit, line_after, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule
from nbtrain.review.steps import one_scope, step_text
from nbtrain.review.words import shown

LONGEST = 30
# Others tune their own rate (Prodigy, schedule-free) or are second order (LBFGS).
NEED_DECAY = frozenset({"SGD", "RMSprop", "Muon", "Lion"})


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for training in facts.trainings:
        epochs, optimizer = training.epochs, training.optimizer
        if (
            epochs is None
            or not epochs.known
            or epochs.low <= LONGEST
            or training.several_optimizers
            or facts.is_situation(RL, GAN, DIFFUSION)
        ):
            continue
        if optimizer is not None and optimizer.family == "other" and optimizer.cls not in NEED_DECAY:
            continue
        if training.changes_lr.state == UNKNOWN:
            yield Gap(
                f"{shown(epochs)} epochs: whether the learning rate "
                f"changes could not be told; {training.changes_lr.why}."
            )
        elif training.changes_lr.state == NO:
            yield Problem(
                issue=f"{shown(epochs)} epochs at one learning rate ({training.name or training.owner})",
                current=f"{shown(epochs)} epochs, constant lr",
                recommended="a decaying schedule (cosine or linear)",
                evidence=(
                    f"{shown(epochs)} epochs, more than {LONGEST}; "
                    f"{training.changes_lr.why or 'no scheduler and no hand-set rate'}"
                ),
                line=training.line,
                name=training.name,
                fix=_fix(training),
                edits=_edits(facts, training),
            )


def _fix(training: TrainingFact) -> str:
    if training.owner == "transformers":
        return 'lr_scheduler_type="cosine"'
    assert training.epochs is not None
    return (
        f"scheduler = torch.optim.lr_scheduler.CosineAnnealingLR({training.name or 'optimizer'}, "
        f"T_max={shown(training.epochs)})"
    )


def _edits(facts: ReviewFacts, training: TrainingFact) -> tuple[Edit, ...]:
    if training.owner == "transformers" and isinstance(training.node, ast.Call):
        kind = next((one.value for one in training.node.keywords if one.arg == "lr_scheduler_type"), None)
        return replace_node(kind, '"cosine"')
    optimizer, loop = training.optimizer, training.epoch_loop
    if (
        optimizer is None
        or not isinstance(loop, ast.For | ast.While)
        or not one_scope(facts, optimizer.statement, loop)
    ):
        return ()
    last = loop.body[-1]
    place = ast.copy_location(ast.Pass(), loop.body[0])
    place.end_lineno, place.end_col_offset = last.end_lineno, last.end_col_offset
    return (
        (*line_after(optimizer.statement, _fix(training)), *line_after(place, "scheduler.step()"))
        if step_text(training)
        else ()
    )


RULE = Rule("long-training-constant-lr", Severity.WARNING, check)
