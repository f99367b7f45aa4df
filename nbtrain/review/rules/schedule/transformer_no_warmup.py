"""A network with attention that starts at its full learning rate.

What it does
Looks at training steps of networks with attention layers (or transformers models) whose rate has no
warm-up of any
form: no OneCycleLR, no rising LambdaLR or LinearLR, no `get_*_schedule_with_warmup`, no `warmup_steps`, no
    ramp set by
hand. Frozen backbones are left alone. What cannot be read becomes an information gap.

Why it hurts
In the first steps Adam's second moment rests on a handful of gradients and attention is far from balanced: a
full rate then throws the weights where they never come back from. A ramp over the first 5 to 10 % of the
steps avoids it.

Bad
```python
import torch
from torch import nn

model = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4), 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4), 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=1000)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    warmup.step()
```

When to ignore
Pre-norm networks at small learning rates, and short fine-tuning at 2e-5 and below.

Threshold: no warm-up at all; length after the Tuning Playbook (at most 10 % of the steps).
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.facts import NO, UNKNOWN, TrainingFact
from nbtrain.review.edits import Edit, add_keyword, line_after
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule
from nbtrain.review.steps import one_scope, step_text

STEPS = 1000


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    network = facts.architecture
    if not network.attention or network.frozen:
        return
    if facts.only_live:
        yield Gap(
            f"{network.attention}: whether its learning rate "
            "warms up cannot be seen without the training loop."
        )
    for training in facts.trainings:
        answer = training.warmed_up
        if not training.looped or training.plain:
            continue
        if answer.state == UNKNOWN:
            yield Gap(f"Warm-up could not be checked: {answer.why}.")
        elif answer.state == NO:
            yield Problem(
                issue=(
                    "A network with attention starts at its full "
                    f"learning rate ({training.name or training.owner})"
                ),
                current="no warm-up",
                recommended=f"warm up over 5-10 % of the steps, e.g. {STEPS}",
                evidence=f"{network.attention}; {answer.why or 'no scheduler and no hand-set rate ramps up'}",
                line=training.line,
                name=training.name,
                fix=_fix(training),
                edits=_edits(facts, training),
            )


def _fix(training: TrainingFact) -> str:
    if training.owner == "transformers":
        return f"warmup_steps={STEPS}"
    name = training.name or "optimizer"
    return (
        f"{warmup_name(training)} = torch.optim.lr_scheduler.LinearLR({name}, "
        f"start_factor=0.01, total_iters={STEPS})"
    )


def warmup_name(training: TrainingFact) -> str:
    """`warmup`, or with the optimizer's name before it where that is not plain `optimizer`."""
    name = training.name
    return "warmup" if name in ("", "optimizer", "opt") else f"{name}_warmup"


def _edits(facts: ReviewFacts, training: TrainingFact) -> tuple[Edit, ...]:
    if training.owner == "transformers":
        return add_keyword(training.node, f"warmup_steps={STEPS}")
    optimizer = training.optimizer
    if optimizer is None or training.owner == "lightning" or optimizer.statement is None:
        return ()
    if not training.name.startswith("self.") and not one_scope(facts, optimizer.statement, training.node):
        return ()
    return (
        (
            *line_after(optimizer.statement, _fix(training)),
            *line_after(training.node, f"{warmup_name(training)}.step()"),
        )
        if step_text(training)
        else ()
    )


RULE = Rule("transformer-no-warmup", Severity.WARNING, check)
