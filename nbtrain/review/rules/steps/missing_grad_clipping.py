"""A network whose gradients are known to explode is trained without clipping of any kind.

What it does
Looks at training steps of transformers, recurrent networks, policies trained on an environment, and of
networks of more than 50 weight layers with few normalisation layers. Clipping by norm, by value, by hand, by
hooks, by the optimizer (Adafactor, LAMB), or by the framework (transformers clips at 1.0, Lightning when
told) counts. A function that gets the model or the optimizer and cannot be read makes it an information gap.

Why it hurts
One bad batch gives a gradient a hundred times the usual and undoes hours of training in a single step.

Bad
```python
import torch
from torch import nn

model = nn.LSTM(10, 20)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x)[0], y)
    loss.backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn

model = nn.LSTM(10, 20)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x)[0], y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
```

When to ignore
The gradient norm was logged over a whole run and stayed within a few times its median.

Threshold: max_norm 1.0 is transformers' default and the value of most published recipes; Pascanu et al.
    (2013). Depth 50
with fewer than one normalisation layer per four weight layers is our own choice.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.facts import NO, UNKNOWN, Architecture, TrainingFact
from nbtrain.review.edits import Edit, add_keyword, line_before, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule
from nbtrain.review.steps import step_text

DEEP, NORMS_PER_LAYER = 50, 0.25


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    network = facts.architecture
    reason = _reason(network)
    if not reason or (network.frozen and not network.recurrent):
        return
    if facts.only_live:
        yield Gap(f"{reason}: whether gradients are clipped cannot be seen without the training loop.")
    for training in facts.trainings:
        if training.optimizer is not None and training.optimizer.cls in ("LBFGS", "Rprop"):
            continue  # a line search, or signs alone: gradients cannot blow up a step
        if not training.looped or (training.plain and network.depth <= DEEP):
            continue
        if training.clipped.state == UNKNOWN:
            yield Gap(f"Gradient clipping could not be checked: {training.clipped.why}.")
        elif training.clipped.state == NO:
            yield Problem(
                issue=f"Gradients are not clipped ({training.name or training.owner})",
                current="no clipping",
                recommended="clip_grad_norm_(..., max_norm=1.0) before the step",
                evidence=(
                    f"{reason}; {training.clipped.why or 'no clipping of any kind between backward and step'}"
                ),
                line=training.line,
                name=training.name,
                fix=_fix(training),
                edits=_edits(training),
            )


def _reason(network: Architecture) -> str:
    if network.attention or network.recurrent or network.policy:
        return network.attention or network.recurrent or network.policy
    deep = network.depth > DEEP and network.norms < NORMS_PER_LAYER * network.depth
    return f"{network.depth} weight layers with {network.norms} normalisation layers" if deep else ""


def _fix(training: TrainingFact) -> str:
    if training.owner == "transformers":
        return "max_grad_norm=1.0"
    if training.owner == "lightning":
        return "gradient_clip_val=1.0"
    parameters = training.optimizer.parameters if training.optimizer else ""
    name = step_text(training) or "optimizer"
    plain = parameters.endswith(".parameters()") and "[" not in parameters and "self" not in parameters
    held = parameters if plain else f'[p for group in {name}.param_groups for p in group["params"]]'
    if training.owner == "accelerate":
        return f"accelerator.clip_grad_norm_({held}, max_norm=1.0)"
    return f"torch.nn.utils.clip_grad_norm_({held}, max_norm=1.0)"


def _edits(training: TrainingFact) -> tuple[Edit, ...]:
    if training.owner == "lightning":
        return add_keyword(training.node, "gradient_clip_val=1.0")
    if training.owner == "transformers":
        held = next(
            (one.value for one in getattr(training.node, "keywords", ()) if one.arg == "max_grad_norm"), None
        )
        return replace_node(held, "1.0")
    name = step_text(training)
    if not name:
        return ()
    lines = _fix(training)
    written = getattr(training.node, "func", None)
    if training.scaled and written is not None:
        lines = f"{ast.unparse(written.value)}.unscale_({name})\n{lines}"
    return line_before(training.node, lines)


RULE = Rule("missing-grad-clipping", Severity.WARNING, check)
