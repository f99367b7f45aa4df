"""Layers that a model keeps in a plain list or dict, where PyTorch does not find them.

What it does
Looks for `self.x = [layer, ...]` or `{...: layer}` in a network whose layers are registered nowhere else (not
in an nn.ModuleList, nn.ModuleDict or nn.Sequential). Live models are looked through in the same way.

Why it hurts
`parameters()`, `to()`, `state_dict()`, `train()` and `eval()` pass these layers by: they are not trained, not
moved, not saved, and keep their mode.

Bad
```python
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(8, 8) for _ in range(4)]
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.head(x)
```

Good
```python
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(4))
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.head(x)
```

When to ignore
A network that is kept out of `parameters()` on purpose, such as a teacher in a one-element list.

Source: PyTorch's documentation of nn.ModuleList; pytorch issue 59925, TorchFix issue 31.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.live import is_a, modules_of
from nbtrain.notebook.story import SourceModel
from nbtrain.notebook.symbolic.values import Made, Map, Obj, Seq, Value, options
from nbtrain.notebook.training_models import learns, parts_within
from nbtrain.review.edits import Edit, around
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.places import nn_of
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for model in facts.held.models:
        yield from _live(model.name, model.obj)
    for one in facts.story.models:
        for name, held in one.instance.attrs.items():
            hidden = [part for part in _parts(held) if learns(part) and _made_here(one, part)]
            if isinstance(held, Seq | Map) and hidden and not _registered(one, name, hidden):
                said = _problem(
                    f"`{one.name}.{name}`",
                    isinstance(held, Map),
                    f"{(type(held).__name__ == 'Map' and 'a dict') or 'a list'} of layers, in no "
                    "ModuleList or ModuleDict",
                    _line(facts, one, name, hidden),
                    Confidence.LIKELY,
                )
                yield replace(said, edits=_edits(facts, one, name, isinstance(held, Map)))


def _parts(held: Value) -> list[Value]:
    items = (
        held.items if isinstance(held, Seq) else list(held.items.values()) if isinstance(held, Map) else []
    )
    return [one for item in items for one in options(item)]


def _made_here(model: SourceModel, part: Value) -> bool:
    """A layer that this class makes, not one that it is handed."""
    node = (
        part.node if isinstance(part, Made) else part.cls.node if isinstance(part, Obj) and part.cls else None
    )
    start, end = model.cls.node.lineno, model.cls.node.end_lineno or 0
    return isinstance(part, Obj) or (node is not None and start <= node.lineno <= end)


def _registered(model: SourceModel, name: str, hidden: list[Value]) -> bool:
    """The same layers are also held by a module of torch's, or by an attribute of their own."""
    others: set[object] = set()
    for other, held in model.instance.attrs.items():
        if other != name and not isinstance(held, Seq | Map):
            others |= parts_within(held)
    return all(id(part) in others for part in hidden)


def _line(facts: ReviewFacts, model: SourceModel, name: str, hidden: list[Value]) -> int:
    start, end = model.cls.node.lineno, model.cls.node.end_lineno or 0
    for event in facts.story.of("set"):
        if event.data["attr"] == name and start <= event.line <= end:
            return event.line
    return getattr(getattr(hidden[0], "node", None), "lineno", start)


def _edits(facts: ReviewFacts, model: SourceModel, name: str, mapping: bool) -> tuple[Edit, ...]:
    """Around what the attribute is first set to."""
    nn = nn_of(facts)
    for one in ast.walk(model.cls.node) if nn else ():
        targets = (
            one.targets
            if isinstance(one, ast.Assign)
            else [one.target]
            if isinstance(one, ast.AnnAssign)
            else []
        )
        if any(
            isinstance(at, ast.Attribute) and at.attr == name and ast.unparse(at.value) == "self"
            for at in targets
        ):
            return around(one.value, f"{nn}.ModuleDict(" if mapping else f"{nn}.ModuleList(", ")")  # type: ignore[attr-defined]
    return ()


def _live(name: str, model: object) -> Iterator[Problem]:
    known = {id(one) for one in modules_of(model)}
    for module in modules_of(model):
        for attribute, held in list(vars(module).items()):
            items = held if type(held) in (list, tuple) else held.values() if type(held) is dict else ()
            if attribute.startswith("_") or len(items) > 10_000:
                continue
            hidden = [one for one in items if is_a(one, "torch.nn.Module") and id(one) not in known]
            if any(vars(part).get("_parameters") for one in hidden for part in modules_of(one)):
                where = f"`{attribute}` of the {type(module).__name__} in `{name}`"
                seen = f"{len(hidden)} modules in a {type(held).__name__}, in no parameters() of `{name}`"
                yield _problem(where, type(held) is dict, seen, None, Confidence.CERTAIN)


def _problem(where: str, mapping: bool, seen: str, line: int | None, confidence: Confidence) -> Problem:
    kind = "nn.ModuleDict" if mapping else "nn.ModuleList"
    return Problem(
        issue=f"{where} hides layers from PyTorch",
        current="layers in a plain dict" if mapping else "layers in a plain list",
        recommended=f"{kind}(...)",
        evidence=f"{where}: {seen}",
        line=line,
        name=where.strip("`"),
        confidence=confidence,
        fix=f"{kind}(...)",
    )


RULE = Rule("unregistered-submodules", Severity.CRITICAL, check, explains=("samples-mixed",))
