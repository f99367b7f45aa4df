"""Which models of a source are trained, and by which optimizer: containment, freezing, replacement."""

# ruff: noqa: SIM905 - long tables of names read best as words
from __future__ import annotations

from collections.abc import Iterator

from nbtrain.notebook.source_values import argument
from nbtrain.notebook.story import Cycle, Story, identities, may_be_same
from nbtrain.notebook.symbolic.library import category
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.roles import is_model
from nbtrain.notebook.symbolic.values import (
    Choice,
    Const,
    Func,
    Live,
    Made,
    Map,
    Member,
    Obj,
    Op,
    Partial,
    Ref,
    Seq,
    Term,
    Value,
    options,
)

WITH_PARAMETERS = frozenset({"weighted", "norm", "recurrent", "attention", "module"})
DEEPEST = 12  # levels of networks inside networks that are looked into
WITHOUT = frozenset(
    """
    ReLU GELU SiLU Sigmoid Tanh Softmax LogSoftmax Dropout Dropout1d Dropout2d Dropout3d Identity
    Flatten Unflatten MaxPool1d MaxPool2d AvgPool1d AvgPool2d AdaptiveAvgPool1d AdaptiveAvgPool2d
    AdaptiveMaxPool2d LeakyReLU ELU Softplus Hardtanh Upsample PixelShuffle ZeroPad2d Mish ReLU6
    Hardswish AlphaDropout MaxPool3d AvgPool3d Softsign LogSigmoid UpsamplingNearest2d
    UpsamplingBilinear2d SELU CELU Unfold Fold ReflectionPad2d ConstantPad1d
    """.split()
)


def made_event(story: Story, cycle: Cycle) -> Event | None:
    """Where the cycle's optimizer is made, when that is one place of the source."""
    found = [
        e for e in story.made("optimizer") if any(e.subject is one for one in options(cycle.step.subject))
    ]
    return found[0] if len(found) == 1 and len(options(cycle.step.subject)) == 1 else None


def parts_within(model: Value) -> set[object]:
    """Identities of a model and of everything that it holds as attributes, lists, dicts or arguments."""
    found: set[object] = set()
    waiting, seen = [model], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        found |= identities(one) if not isinstance(one, Const) else set()
        if isinstance(one, Obj):
            waiting.extend(one.attrs.values())
        elif isinstance(one, Made):
            waiting.extend([*one.args, *one.kwargs.values(), *one.attrs.values()])
        elif isinstance(one, Seq):
            waiting.extend(one.items)
        elif isinstance(one, Map):
            waiting.extend(one.items.values())
        elif isinstance(one, Choice):
            waiting.extend(one.options)
        elif isinstance(one, Term) and one.op is not None:
            waiting.extend([*one.op.inputs, *one.op.kwargs.values()])
    return found


def holds(model: Value, part: Value) -> bool:
    """Whether a part is the model itself, is held by it, or is an attribute of something it holds."""
    within = parts_within(model)
    while True:
        if identities(part) & within:
            return True
        if not isinstance(part, Member):
            return False
        part = part.owner


def given_parameters(optimizer: Value) -> tuple[Value, ...] | None:
    """The models whose parameters an optimizer gets; None when some of what it gets cannot be told."""
    if not isinstance(optimizer, Made):
        return None
    given = argument(optimizer, "params", 0)
    if given is None:
        return None
    found: list[Value] = []
    for one, _ in behind(given):
        if isinstance(one, Term) and one.source is not None:
            found.append(one.source)
        elif isinstance(one, Term) and one.op is None:
            return None
        elif isinstance(one, Live):
            found.append(one)
        elif isinstance(one, Seq) and one.open and not one.items:
            return None
    return tuple(found) if found else None


def trained_in(loss: Value) -> Iterator[tuple[Value, Op]]:
    """The models of the source through which a loss's gradient flows, each with the call."""
    seen: set[int] = set()
    for one, _ in behind(loss, graph=True):
        if not (isinstance(one, Term) and one.op is not None and one.op.path == "call" and one.op.inputs):
            continue
        for model in options(one.op.inputs[0]):
            if isinstance(model, Obj | Made) and is_model(model) and id(model) not in seen and learns(model):
                seen.add(id(model))
                yield model, one.op


def learns(model: Value, depth: int = 0) -> bool:
    """Whether a model surely has parameters of its own."""
    if isinstance(model, Term):
        return model.op is not None and model.op.path.endswith(".Parameter")
    if isinstance(model, Made):
        tail = model.path.rpartition(".")[2]
        if tail == "Sequential":
            return depth < DEEPEST and any(learns(one, depth + 1) for one in model.args)
        return category(model.path) in WITH_PARAMETERS and tail not in WITHOUT
    if isinstance(model, Obj):
        inner = [
            part for one in model.attrs.values() for part in (one.items if isinstance(one, Seq) else [one])
        ]
        return depth < DEEPEST and any(learns(one, depth + 1) for one in inner if one is not model)
    return False


def frozen_parts(story: Story) -> list[tuple[Event, Value]]:
    """(event, model) of each freezing of all parameters of a model or of a part of it, under no condition."""
    found = []
    for event in story.of("freeze"):
        if event.guards or not event.data.get("known"):
            continue
        subject = event.subject
        if isinstance(subject, Term) and subject.op is not None and subject.op.path == "batch":
            subject = subject.op.inputs[0]
            if isinstance(subject, Made) and subject.path == "builtins.iteration" and len(subject.args) == 1:
                subject = subject.args[0]
            if not (isinstance(subject, Term) and subject.source is not None):
                continue
            subject = subject.source
        if isinstance(subject, Obj | Made | Live | Member):
            found.append((event, subject))
    return found


def replaced_layers(story: Story, model: Value, *, after: int, before: int) -> list[Event]:
    """Where a layer of a model is set anew between two moments, outside of constructors."""
    found = []
    for event in (*story.of("set"), *story.of("set-item")):  # model.fc = ..., model[2] = ...
        inner = event.data["value"]
        new = any(isinstance(one, Made | Obj) and is_model(one) for one in options(inner))
        if after < event.at < before and new and holds(model, event.subject):
            found.append(event)
    return found


def changed_elsewhere(story: Story, model: Value, *, after: int) -> bool:
    """Whether a function that is not in the source gets the model after a moment: it may change it."""
    for event in story.of("escape"):
        if event.at > after and any(
            may_be_same(one, model) for one in event.data["given"] if _is_object(one)
        ):
            return True
    return False


def _is_object(value: Value) -> bool:
    return not isinstance(value, Const | Ref | Func | Partial)
