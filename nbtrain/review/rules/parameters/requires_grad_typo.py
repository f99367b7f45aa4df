"""requires_grad is misspelt, or set on a module, where it does nothing.

What it does
Looks for assignments to `require_grad` and its like, and for `module.requires_grad = False` on a network
or a part of
it: a module has no such switch, the assignment makes a new attribute that nobody reads.

Why it hurts
What was meant to be frozen trains on: a pretrained backbone loses its features at the head's learning rate.

Bad
```python
import torch
from torch import nn
from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
for parameter in model.parameters():
    parameter.require_grad = False
```

Good
```python
import torch
from torch import nn
from torchvision.models import resnet18

model = resnet18(weights="DEFAULT")
for parameter in model.parameters():
    parameter.requires_grad = False
```

When to ignore
An attribute of that name is meant, on a class of one's own.

Source: TorchFix rule TOR002; PyTorch's documentation of nn.Module.requires_grad_.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.roles import is_model
from nbtrain.notebook.symbolic.values import Live, Made, Member, Obj, Value
from nbtrain.review.edits import Edit, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

MISSPELT = frozenset(
    {
        "require_grad",
        "requires_grads",
        "required_grad",
        "require_grads",
        "requires_gradient",
        "requires_gard",
        "requiresgrad",
    }
)
PARAMETERS = ("weight", "bias", "grad", "in_proj_weight", "pos_embed", "cls_token", "scale", "gamma", "beta")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for event in facts.story.of("set"):
        attr = event.data["attr"]
        if attr in MISSPELT:
            yield _problem(
                event, f".{attr}", ".requires_grad", f"`{attr}` is no attribute of a tensor", _spelt(event)
            )
        elif attr == "requires_grad" and _is_module(event.subject):
            right = f"{_target(event)}.requires_grad_(...)"
            yield _problem(event, "module.requires_grad = ...", right, "a module has no such switch", ())


def _is_module(value: Value) -> bool:
    """A network, or a part of one that by its name is no tensor."""
    if isinstance(value, Member):
        return not value.attr.endswith(PARAMETERS) and _is_module(value.owner)
    return isinstance(value, Obj | Made | Live) and is_model(value)


def _target(event: Event) -> str:
    targets = getattr(event.node, "targets", [])
    return ast.unparse(targets[0].value) if targets and isinstance(targets[0], ast.Attribute) else "module"


def _spelt(event: Event) -> tuple[Edit, ...]:
    targets = getattr(event.node, "targets", [])
    if len(targets) != 1 or not isinstance(targets[0], ast.Attribute):
        return ()
    return replace_node(targets[0], f"{ast.unparse(targets[0].value)}.requires_grad")


def _problem(event: Event, current: str, right: str, why: str, edits: tuple[Edit, ...]) -> Problem:
    return Problem(
        issue="Parameters that were meant to be frozen train on",
        current=current,
        recommended=right,
        evidence=f"line {event.line}: {why}",
        line=event.line,
        fix=right,
        edits=edits,
    )


RULE = Rule("requires-grad-typo", Severity.CRITICAL, check)
