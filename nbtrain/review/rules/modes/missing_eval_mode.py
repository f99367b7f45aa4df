"""A model with dropout or batch normalisation is evaluated in train mode.

What it does
Looks at loops that only run a model, on validation data or without a graph, and at whole validation or test
sets that are run at once, and follows in which mode the model is then: `train()` was called last, or nothing
was. Models of the source without mode-dependent layers are left alone; for a model made elsewhere it is a
warning, for a function whose caller is not in the source an information gap.

Why it hurts
Dropout drops a part of every prediction, and batch normalisation uses, and updates, the statistics of the
validation
batches: the numbers are worse and depend on the batch, and the model learns from data that should judge it.

Bad
```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(5):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    with torch.no_grad():
        for x, y in val_loader:
            correct = (model(x).argmax(1) == y).sum()
```

Good
```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(5):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        for x, y in val_loader:
            correct = (model(x).argmax(1) == y).sum()
```

When to ignore
Monte Carlo dropout, where several noisy predictions are wanted.

Source: PyTorch's documentation of nn.Module.eval; seen in vsepp issue 4 and MultiBench issue 26.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.evaluation import (
    NO,
    UNKNOWN,
    YES,
    is_evaluation,
    last_mode,
    mode_events,
    mode_matters,
)
from nbtrain.notebook.feeds import JUDGING, words_in
from nbtrain.notebook.story import Cycle, Pass
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.values import Live, Value, name_of
from nbtrain.notebook.training_models import holds
from nbtrain.review.edits import Edit, line_before
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.places import way_to
from nbtrain.review.rule import Gap, Problem, Rule, could_not
from nbtrain.review.steps import function_around


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    yield from _at_once(facts)
    for one in facts.story.passes:
        model = one.forward.subject
        matters = mode_matters(model)
        if matters == NO or not is_evaluation(facts.story, one) or one.of("optim-step"):
            continue
        last = last_mode(facts.story, one.forward)
        if (last is not None and last.data["train"] is not True) or _for_this(facts, last):
            continue
        live = isinstance(model, Live) and last is None
        if live and not vars(model.obj).get("training", True):  # type: ignore[attr-defined]
            continue
        name = facts.story.name_of(model) or "model"
        if last is not None or live or (one.entry == "<module>" and matters == YES):
            set_on = last.line if last else None
            yield replace(_problem(one, name, set_on, matters, live), edits=_edits(facts, one))
        else:
            why = f"who calls `{one.entry}`" if one.entry != "<module>" else "where it is made"
            yield could_not(
                f"whether `{name}` is in eval mode on line {one.line}", f"{why} is not in the source"
            )


def _at_once(facts: ReviewFacts) -> Iterator[Problem]:
    """A whole validation or test set is run at once, beside the batches or after them: `model(x_val)`."""
    said: set[int] = set()
    for forward in facts.story.of("forward"):
        model = forward.subject
        if forward.quiet is not True or forward.data.get("nested") or id(model) in said:
            continue
        cycle = next((one for one in facts.cycles if _belongs(one, forward)), None)
        words = {word for given in forward.data["args"] for word in words_in(_called(facts, given))}
        if cycle is None or cycle.hidden or not words & JUDGING or mode_matters(model) != YES:
            continue
        before = [event for event in mode_events(facts.story, model) if event.at < forward.at]
        last = before[-1] if before else None
        if isinstance(model, Live) or (last is not None and not last.data["train"]) or _for_this(facts, last):
            continue
        said.add(id(model))
        seen = Pass(forward, (), None, forward.entry, True)
        name = facts.story.name_of(model) or "model"
        yield _problem(seen, name, last.line if last else None, YES, False)


def _for_this(facts: ReviewFacts, mode: Event | None) -> bool:
    """Train mode is set after the training, and outside of its loops: for Monte Carlo dropout, say."""
    if mode is None or not facts.cycles:
        return False
    steps = [cycle.step for cycle in facts.cycles]
    return all(mode.at > one.at and not set(mode.loops) & set(one.loops) for one in steps)


def _belongs(cycle: Cycle, forward: Event) -> bool:
    """The run stands in the training's loop over epochs, or after it, and not among its batches."""
    if forward.at < cycle.step.at or forward.entry != cycle.step.entry:
        return False
    if len(cycle.step.loops) > 1 and cycle.loop in forward.loops:
        return False
    around = all(loop in cycle.step.loops for loop in forward.loops)
    return around and any(holds(one, forward.subject) or holds(forward.subject, one) for one in cycle.models)


def _called(facts: ReviewFacts, value: Value) -> str:
    return facts.story.name_of(value) or name_of(value)


def _problem(one: Pass, name: str, set_on: int | None, matters: str, live: bool) -> Problem:
    seen = (
        f"train mode was set on line {set_on}"
        if set_on
        else "nothing sets its mode, and train is where it starts"
    )
    seen = "the live model is in train mode" if live else seen
    sure = Confidence.CERTAIN if live else Confidence.POSSIBLE if matters == UNKNOWN else Confidence.LIKELY
    return Problem(
        issue=f"`{name}` is evaluated in train mode",
        current=f"no {name}.eval() before line {one.line}",
        recommended=f"{name}.eval() before the evaluation, {name}.train() after it",
        evidence=f"run on line {one.forward.line}; {seen}",
        line=one.line,
        name=name,
        confidence=sure,
        fix=f"{name}.eval()",
        severity=Severity.WARNING if matters == UNKNOWN and not live else None,
    )


def _edits(facts: ReviewFacts, one: Pass) -> tuple[Edit, ...]:
    """Above the loop, or at the head of the function that runs the model, by the name that it has there."""
    func = getattr(one.forward.node, "func", None)
    name = ast.unparse(func) if isinstance(func, ast.Name | ast.Attribute) else ""
    tree = facts.source.tree if facts.source is not None else None
    home = function_around(tree, one.forward.node)
    trains_too = any(cycle.loop and one.loop and cycle.loop.node is one.loop.node for cycle in facts.cycles)
    if not name or name == "self" or trains_too:
        return ()
    if one.loop is not None and function_around(tree, one.loop.node) is home:
        return line_before(one.loop.node, f"{name}.eval()")
    way = way_to(facts, one.forward.node)
    return line_before(way[-1][0], f"{name}.eval()") if way and home is not None else ()


RULE = Rule("missing-eval-mode", Severity.CRITICAL, check)
