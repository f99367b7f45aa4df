"""The model is on one device, and what it is given is on another.

What it does
Follows what `.to(device)` and `.cuda()` move. Reported are: a model that was moved and gets batches
straight from a DataLoader, or is compared with targets straight from it; class weights of a criterion that
stay on the CPU; a hidden state made without a device. Accelerate, Fabric, Lightning and data parallel
wrappers move batches by themselves. Among live objects, the weights of a criterion against the models.

Why it hurts
The first step fails on a machine with a GPU: "Expected all tensors to be on the same device". On a machine
without one it works, which is where it was tried.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Linear(10, 2).to("cuda")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(train_data, batch_size=64, shuffle=True)
for x, y in train_loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

Good
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Linear(10, 2).to("cuda")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(train_data, batch_size=64, shuffle=True)
for x, y in train_loader:
    x, y = x.to("cuda"), y.to("cuda")
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
```

When to ignore
The data set gives tensors that are on the device already.

Source: PyTorch's documentation of torch.nn.Module.to and its frequently asked questions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.devices import made_on_cpu, moved, moves
from nbtrain.notebook.feeds import deep_behind, raw_batch_of
from nbtrain.notebook.held import HeldModel
from nbtrain.notebook.source_values import argument
from nbtrain.notebook.story import Cycle
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import LAYOUT
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.notebook.symbolic.values import Choice, Made, Obj, Seq, Term, Value, options
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    yield from _live(facts)
    if (
        facts.story.of("prepare")
        or facts.story.made("distributed", "engine")
        or facts.story.calls("DataParallel")
    ):
        return
    for cycle in facts.cycles:
        forwards = [one for one in cycle.of("forward") if not one.data["nested"] and cycle.in_turn(one)]
        on_device = [one for one in forwards if moves(facts.story, one.subject)]
        if not on_device:
            continue
        found = _batches(facts, cycle, on_device)
        yield from found or _weights(facts, cycle)
        yield from _states(facts, cycle)


def _batches(facts: ReviewFacts, cycle: Cycle, forwards: list[Event]) -> list[Problem]:
    """The first input, else the first target, that comes straight from a loader."""
    inputs = [(one, value) for one in forwards for value in [*one.data["args"], *one.data["kwargs"].values()]]
    losses = [one for one in cycle.of("loss") if cycle.in_turn(one) and not _brought_back(one)]
    targets = [(one, value) for one in losses for value in one.data["args"][1:2]]
    for event, value in [*inputs, *targets]:
        loader = raw_batch_of(value)
        if loader is None or not _on_cpu(loader):
            continue
        move = moves(facts.story, forwards[0].subject)[0]
        what = "the batch" if event.kind == "forward" else "the target"
        name = facts.story.name_of(forwards[0].subject) or "the model"
        text = ast.unparse(event.node)[:60]
        return [
            Problem(
                issue=f"`{name}` is moved to a device, and {what} is not",
                current=f"{text} with {what} as the DataLoader gives it",
                recommended=f"move {what} to the same device",
                evidence=(
                    f"moved on line {move.line} (`{ast.unparse(move.node)[:60]}`); {what} on line "
                    f"{event.line} comes straight from the DataLoader of line {loader.node.lineno}"
                ),
                line=event.line,
                name=name,
                fix="inputs, targets = inputs.to(device), targets.to(device)",
            )
        ]
    return []


def _brought_back(loss: Event) -> bool:
    """The prediction is taken to the CPU, where the target is: `criterion(model(x).cpu(), y)`."""
    for value in loss.data["args"][:1]:
        op = value.op if isinstance(value, Term) else None
        while op is not None and op.path in LAYOUT and op.inputs:
            if op.path == ".cpu":
                return True
            op = op.inputs[0].op if isinstance(op.inputs[0], Term) else None
    return False


def _on_cpu(loader: Made) -> bool:
    """Whether nothing about a loader or its data set hints at a device."""
    if not loader.complete or argument(loader, "collate_fn", 6) is not None:
        return False
    data = argument(loader, "dataset", 0)
    for one in deep_behind(data) if data is not None else ():
        if moved(one):
            return False
        if isinstance(one, Obj) and one.cls is not None:
            text = ast.unparse(one.cls.node)
            if ".to(" in text or ".cuda(" in text or "device" in text:
                return False
    return True


def _weights(facts: ReviewFacts, cycle: Cycle) -> Iterator[Problem]:
    """Class weights made on the CPU for a criterion that is not moved."""
    for event in cycle.of("loss"):
        criterion = event.data.get("made")
        held = criterion.kwargs if isinstance(criterion, Made) else event.data["kwargs"]
        for key in ("weight", "pos_weight"):
            value = held.get(key)
            if value is None or not all(_fresh(one) for one in options(value)):
                continue
            if isinstance(criterion, Made) and moves(facts.story, criterion):
                continue
            name = facts.story.name_of(criterion) if isinstance(criterion, Made) else "the loss"
            yield Problem(
                issue=f"`{name}` has class weights on the CPU, and the model is on another device",
                current=f"{key} made without a device",
                recommended=f"{name}.to(device), or {key} made on the device",
                evidence=f"loss on line {event.line}; `{key}` is a new tensor that nothing moves",
                line=(criterion.node if isinstance(criterion, Made) else event.node).lineno,
                name=name,
                fix=f"{name} = {name}.to(device)",
            )
            return


def _fresh(value: Value) -> bool:
    """A new tensor that was not moved, whatever was computed with it since."""
    parts = list(deep_behind(value))
    new = any(isinstance(one, Term) and one.op is not None and made_on_cpu(one.op) for one in parts)
    return new and not any(moved(one) for one in parts)


def _states(facts: ReviewFacts, cycle: Cycle) -> Iterator[Problem]:
    """A recurrent layer that starts from a state on the CPU."""
    for event in cycle.of("forward"):
        if kind_of(event.subject) != "recurrent" or len(event.data["args"]) < 2 or not cycle.in_turn(event):
            continue
        state = event.data["args"][1]
        parts = state.items if isinstance(state, Seq) else [state]
        if parts and all(not isinstance(one, Choice) and _made_here(one) for one in parts):
            name = facts.story.name_of(event.subject) or "the recurrent layer"
            yield Problem(
                issue=f"`{name}` starts from a state on the CPU, and the model is on another device",
                current="a state made without a device",
                recommended="make it with device=x.device",
                evidence=(
                    f"`{ast.unparse(event.node)[:60]}` on line {event.line}: its state is a new tensor "
                    "that nothing moves"
                ),
                line=event.line,
                name=name,
                fix="h0 = torch.zeros(layers, x.size(0), hidden, device=x.device)",
            )
            return


def _made_here(value: Value) -> bool:
    return isinstance(value, Term) and value.op is not None and made_on_cpu(value.op)


def _live(facts: ReviewFacts) -> Iterator[Problem]:
    places = {one.name: _place(one) for one in facts.held.models}
    devices = {place for place in places.values() if place}
    for one in facts.held.models:
        weights = [
            tensor
            for key, tensor in (vars(one.obj).get("_buffers") or {}).items()
            if key in ("weight", "pos_weight") and tensor is not None
        ]
        if (
            type(one.obj).__name__.endswith("Loss")
            and weights
            and devices
            and _named(weights[0]) not in devices
        ):
            yield Problem(
                issue=f"`{one.name}` has class weights on another device than the model",
                current=f"weights on {_named(weights[0])}",
                recommended=f"on {', '.join(sorted(devices))}",
                evidence=(
                    f"the live `{one.name}` holds them on {_named(weights[0])}; models are on "
                    f"{', '.join(sorted(devices))}"
                ),
                name=one.name,
                confidence=Confidence.CERTAIN,
                fix=f"{one.name}.to(next(model.parameters()).device)",
            )


def _place(model: HeldModel) -> str:
    return next((_named(tensor) for _, tensor in model.parameters.values()), "")


def _named(tensor: Any) -> str:
    return str(tensor.device)


RULE = Rule("device-mismatch", Severity.CRITICAL, check)
