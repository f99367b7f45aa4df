"""Dropout that eval mode does not switch off.

What it does
Looks in network classes for functional dropout that is not told `training=self.training` (its default is
True), for `scaled_dot_product_attention` with a constant `dropout_p`, and for `nn.Dropout` made anew inside
a forward, which is always in train mode. Classes whose name or code speaks of Monte Carlo dropout are left
alone.

Why it hurts
Every evaluation and every prediction drops a random part of the activations: scores are too low and differ
each time.

Bad
```python
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(10, 64)
        self.b = nn.Linear(64, 2)

    def forward(self, x):
        return self.b(F.dropout(F.relu(self.a(x)), 0.5))
```

Good
```python
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(10, 64)
        self.b = nn.Linear(64, 2)

    def forward(self, x):
        return self.b(F.dropout(F.relu(self.a(x)), 0.5, training=self.training))
```

When to ignore
Monte Carlo dropout, where several noisy predictions give an uncertainty.

Source: PyTorch's documentation of torch.nn.functional.dropout; torchtest2's check eval_determinism.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.story import SourceModel
from nbtrain.notebook.symbolic.library import tail_of
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Const, Made, Member
from nbtrain.review.edits import Edit, add_keyword, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

FUNCTIONAL = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
MEANT = re.compile(r"monte.?carlo|\bmc\b|mc_?drop|bayes|uncertain|always_on", re.I)


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    homes = [one for one in facts.story.models if not MEANT.search(ast.unparse(one.cls.node))]
    said: set[int] = set()
    for event in facts.story.calls(*FUNCTIONAL, "scaled_dot_product_attention"):
        home = _home(homes, event)
        attention = event.data["path"].endswith("scaled_dot_product_attention")
        on = _attention_drops(event) if attention else _always_on(event)
        if (
            home is not None
            and on
            and not _asks_mode(event)
            and id(event.node) not in said
            and event.data["path"].startswith("torch")
        ):
            said.add(id(event.node))
            yield _problem(home, event, attention)
    for event in facts.story.made("module"):
        forward = next(
            (one for one in homes if _within(one.forward.node if one.forward else None, event)), None
        )
        if forward is not None and "Dropout" in tail_of(event.data["path"]) and id(event.node) not in said:
            said.add(id(event.node))
            yield _problem(forward, event, False)


def _home(models: list[SourceModel], event: Event) -> SourceModel | None:
    return next((one for one in models if _within(one.cls.node, event)), None)


def _within(node: ast.AST | None, event: Event) -> bool:
    return node is not None and node.lineno <= event.line <= (node.end_lineno or 0)  # type: ignore[attr-defined]


def _asks_mode(event: Event) -> bool:
    """A condition around asks for the mode: `if self.training:`."""
    conditions = [guard.condition for guard in event.guards if guard.condition is not None]
    return any(
        isinstance(one, Member) and one.attr == "training" for value in conditions for one, _ in behind(value)
    )


def _always_on(event: Event) -> bool:
    args, kwargs = event.data["args"], event.data["kwargs"]
    rate = kwargs.get("p") or (args[1] if len(args) > 1 else None)
    if isinstance(rate, Const) and not rate.value:
        return False
    training = kwargs.get("training") or (args[2] if len(args) > 2 else None)
    return training is None or (isinstance(training, Const) and training.value is True)


def _attention_drops(event: Event) -> bool:
    rate = event.data["kwargs"].get("dropout_p")
    return isinstance(rate, Const) and bool(rate.value)


def _problem(home: SourceModel, event: Event, attention: bool) -> Problem:
    made = isinstance(event.subject, Made)
    tail = tail_of(event.data["path"])
    name = "nn.Dropout made in forward" if made else f"`{tail}`"
    fix = "dropout_p=0.1 if self.training else 0.0" if attention else "training=self.training"
    return Problem(
        issue=f"{name} of `{home.name}` stays on in eval mode",
        current="dropout_p is a constant"
        if attention
        else "a new module, always in train mode"
        if made
        else "training is left at its default, True",
        recommended="make it in __init__" if made else fix,
        evidence=f"line {event.line}, in the class `{home.name}`: nothing switches it off in eval mode",
        line=event.line,
        name=home.name,
        fix="self.dropout = nn.Dropout(...)  # in __init__" if made else fix,
        edits=() if made else _edits(event, attention),
    )


def _edits(event: Event, attention: bool) -> tuple[Edit, ...]:
    held = {one.arg: one.value for one in getattr(event.node, "keywords", ())}
    if attention:
        rate = held.get("dropout_p")
        return (
            replace_node(rate, f"{ast.unparse(rate)} if self.training else 0.0") if rate is not None else ()
        )
    if "training" in held:
        return replace_node(held["training"], "self.training")
    if len(getattr(event.node, "args", ())) > 2:
        return replace_node(event.node.args[2], "self.training")  # type: ignore[attr-defined]
    return add_keyword(event.node, "training=self.training")


RULE = Rule("dropout-always-on", Severity.CRITICAL, check)
