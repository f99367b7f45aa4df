"""A model trains in eval mode, from the start or from its first evaluation on.

What it does
Follows the mode of the trained model through the loops: `eval()` before the training and no `train()` after
it, or `eval()` in an evaluation inside the epoch loop with no `train()` before the next epoch's batches.
Among live objects, a model that is in eval mode now and that the cell trains as it is.

Why it hurts
Dropout is off and batch normalisation keeps its old statistics: the training loses its regularisation after
the first epoch, and nobody sees why it overfits.

Bad
```python
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
model.train()
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    model.eval()
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
Fine-tuning with batch statistics frozen on purpose; better done by `eval()` on the normalisation layers
alone.

Source: PyTorch's documentation of nn.Module.train; seen in pytorch-fcn issue 57 and coRNN issue 1.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.evaluation import NO, UNKNOWN, YES, mode_events, mode_in_training, mode_matters
from nbtrain.notebook.live import is_a, modules_of
from nbtrain.notebook.story import Cycle, may_be_same
from nbtrain.notebook.symbolic.library import root_of
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Live, Made, Map, Member, Obj, Ref, Seq, Term, Value, options
from nbtrain.notebook.training_models import holds
from nbtrain.review.edits import Edit, line_before
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.places import way_to
from nbtrain.review.rule import Gap, Problem, Rule
from nbtrain.review.steps import function_around

KEEPS_MODE = ("torch", "builtins", "copy", "math", "numpy")  # libraries whose functions set no model's mode


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for cycle in facts.cycles:
        forward = _run(cycle)
        if forward is None or cycle.hidden:
            continue
        matters = mode_matters(forward.subject)
        left = mode_in_training(facts.story, cycle, forward) if matters != NO else None
        if left is None:
            if matters == YES and _rests(facts, forward):
                yield _live_problem(facts, forward)
            continue
        name = facts.story.name_of(left.subject) or "model"
        after = left.at > forward.at
        loop = cycle.loop
        yield Problem(
            issue=f"`{name}` trains in eval mode" + (" from the second epoch on" if after else ""),
            current=f"{name}.eval() on line {left.line}, no {name}.train() before line {forward.line}",
            recommended=f"{name}.train() before the training batches",
            evidence=f"eval mode is set on line {left.line}; the training runs it on line {forward.line}",
            line=loop.line if loop is not None and not forward.frames else forward.line,
            name=name,
            confidence=Confidence.POSSIBLE if matters == UNKNOWN else Confidence.LIKELY,
            fix=f"{name}.train()",
            edits=_edits(facts, cycle, forward, left),
            severity=Severity.WARNING if matters == UNKNOWN else None,
        )


def _rests(facts: ReviewFacts, forward: Event) -> bool:
    """The notebook's own model is in eval mode now, and the source surely leaves it so until it runs."""
    model = forward.subject.obj if isinstance(forward.subject, Live) else None
    if model is None or vars(model).get("training") is not False or forward.entry != "<module>":
        return False  # what a cell only defines may be called in either mode
    loops, story = set(forward.loops), facts.story

    def matters(event: Event) -> bool:
        return event.at < forward.at or bool(loops & set(event.loops)) or event.entry != "<module>"

    sets = [event for event in mode_events(story, forward.subject) if event.data["train"] is False]
    called = [*story.of("mode"), *story.calls(".train", ".apply")]
    sets += [event for event in called if _may_train(event, model)]
    sets += [event for event in story.of("set") if event.data["attr"] == "training"]
    sets += [event for kind in ("call", "handed") for event in story.of(kind) if _handed(event, forward)]
    return not any(matters(event) for event in sets)


def _may_train(event: Event, model: object) -> bool:
    """Whether train mode may be set on a live model here: not where it is set on surely another module."""
    if event.data.get("train") is False:
        return False
    subject = event.subject.owner if isinstance(event.subject, Member) else event.subject
    if isinstance(subject, Live) and is_a(subject.obj, "torch.nn.Module"):
        return any(one is model for one in modules_of(subject.obj))
    return not isinstance(subject, Made | Obj) or any(
        isinstance(one, Live) and one.obj is model for one, _ in behind(subject)
    )


def _handed(event: Event, forward: Event) -> bool:
    """Whether a function that was not read gets the model itself, or a list or dict with it."""
    if isinstance(event.subject, Ref) and root_of(event.subject.path) in KEEPS_MODE:
        return False
    given = [*event.data["args"], *event.data["kwargs"].values()]
    parts = [part for one in given for part in _laid_out(one)]
    return event is not forward and any(may_be_same(one, forward.subject) for one in parts)


def _laid_out(value: Value) -> list[Value]:
    items = value.items.values() if isinstance(value, Map) else value.items if isinstance(value, Seq) else []
    return [value, *items]


def _live_problem(facts: ReviewFacts, forward: Event) -> Problem:
    name = facts.story.name_of(forward.subject) or "model"
    return Problem(
        issue=f"`{name}` trains in eval mode",
        current=f"{name}.training is False, no {name}.train() before line {forward.line}",
        recommended=f"{name}.train() before the training batches",
        evidence=f"`{name}` is in eval mode now; the training runs it on line {forward.line}",
        line=forward.line,
        name=name,
        confidence=Confidence.CERTAIN,
        fix=f"{name}.train()",
    )


def _edits(facts: ReviewFacts, cycle: Cycle, forward: Event, left: Event) -> tuple[Edit, ...]:
    """Before the model runs when each turn may leave it in eval mode, else before the loop."""
    func = getattr(forward.node, "func", None)
    name = ast.unparse(func) if isinstance(func, ast.Name | ast.Attribute) else ""
    tree = facts.source.tree if facts.source is not None else None
    if cycle.loop is None or not name or name == "self":
        return ()
    if function_around(tree, cycle.loop.node) is not function_around(tree, forward.node):
        return ()
    body = getattr(cycle.loop.node, "body", [])
    runs = next((one for one, block in way_to(facts, forward.node) if block is body), None)
    place = runs if runs is not None and cycle.loop in left.loops else cycle.loop.node
    return line_before(place, f"{name}.train()")


def _run(cycle: Cycle) -> Event | None:
    """The first run, in a turn, of a model that this optimizer trains."""
    known = all(isinstance(one, Made | Live) for one in options(cycle.step.subject))
    behind_loss = {
        id(one.op.node)
        for one, _ in behind(cycle.backward.subject, graph=True)
        if isinstance(one, Term) and one.op is not None and one.op.path == "call"
    }
    forwards = cycle.of("forward")
    traced = [event for event in forwards if id(event.node) in behind_loss]
    alone = len({id(event.subject) for event in traced if event.quiet is not True}) == 1
    for event in traced or forwards:
        if (
            not cycle.in_turn(event)
            or event.data.get("nested")
            or event.quiet is True
            or event.at > cycle.step.at
        ):
            continue
        ours = any(holds(model, event.subject) or holds(event.subject, model) for model in cycle.models)
        if ours or (not cycle.models and (not known or alone)):
            return event
    return None


RULE = Rule("missing-train-mode", Severity.CRITICAL, check)
