"""An evaluation builds the graph of every batch.

What it does
Looks at loops that only run a model to judge it (in eval mode, or on data named for validation or test),
outside of `torch.no_grad`, `torch.inference_mode` and their decorators. Loops that take gradients of the
inputs, and frozen models, are left alone.

Why it hurts
Activations are kept for a backward pass that never comes: evaluation needs the memory of training, is slower,
and runs out of memory where results are collected.

Bad
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
model.eval()
for x, y in val_loader:
    loss = nn.functional.cross_entropy(model(x), y)
    print(loss.item())
```

Good
```python
import torch
from torch import nn

model = nn.Linear(8, 3)
model.eval()
with torch.no_grad():
    for x, y in val_loader:
        loss = nn.functional.cross_entropy(model(x), y)
        print(loss.item())
```

When to ignore
Gradients of the inputs are wanted: saliency maps, adversarial examples.

Source: PyTorch's notes on autograd mechanics (locally disabling gradient computation).
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.evaluation import is_evaluation
from nbtrain.notebook.story import Pass
from nbtrain.notebook.training_models import frozen_parts, holds
from nbtrain.review.edits import Edit, wrap
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule, could_not


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for one in facts.story.passes:
        if (
            one.quiet is not False
            or one.loop is None
            or not is_evaluation(facts.story, one)
            or _on_purpose(facts, one)
        ):
            continue
        if one.entry != "<module>":
            yield could_not(f"whether `{one.entry}` keeps no graph", "who calls it is not in the source")
            continue
        name = facts.story.name_of(one.forward.subject) or "model"
        yield Problem(
            issue=f"The evaluation on line {one.line} keeps the graph of every batch",
            current="no torch.no_grad() around it",
            recommended="with torch.no_grad():",
            evidence=f"`{name}` is run on line {one.forward.line} with a graph, and nothing goes backward",
            line=one.line,
            name=name,
            fix="with torch.no_grad():",
            edits=_edits(facts, one),
        )


def _edits(facts: ReviewFacts, one: Pass) -> tuple[Edit, ...]:
    bound = facts.source is not None and facts.source.torch_bound
    return wrap(one.loop.node, "with torch.no_grad():") if bound and one.loop is not None else ()


def _on_purpose(facts: ReviewFacts, one: Pass) -> bool:
    wants = any(event.kind in ("backward", "unfreeze", "optim-step") for event in one.events)
    frozen = any(holds(part, one.forward.subject) for _, part in frozen_parts(facts.story))
    return wants or frozen or bool(facts.story.calls("set_grad_enabled"))


RULE = Rule("missing-no-grad", Severity.WARNING, check)
