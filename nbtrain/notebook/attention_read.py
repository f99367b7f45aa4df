"""Attention that a source writes out by hand: a softmax over products of two projections, times a third."""

from __future__ import annotations

from nbtrain.notebook.symbolic.library import tail_of
from nbtrain.notebook.symbolic.machine import Event, Machine
from nbtrain.notebook.symbolic.provenance import LAYOUT, behind
from nbtrain.notebook.symbolic.values import Made, Member, Obj, Op, Term, Value

PRODUCTS = ("@", "torch.matmul", "torch.bmm", ".matmul", ".bmm", "torch.einsum", "torch.baddbmm")
DROPS = ("torch.nn.functional.dropout", "torch.dropout")
NEAR = 40  # values: how far behind a softmax its scores are looked for


def self_attention(value: Value) -> int | None:
    """The line of a softmax whose weights are for the sequence that they are multiplied with, or None."""
    for one, _ in behind(value):
        if not is_product(one):
            continue
        op = one.op  # type: ignore[union-attr]
        softmax = weights_of(op.inputs[0]) if len(op.inputs) > 1 else None
        scores = scores_of(softmax.inputs[0]) if softmax is not None and softmax.inputs else None
        if scores is None or len(scores.inputs) < 2:
            continue
        query, held = _sequence(scores.inputs[0]), _sequence(op.inputs[1])
        if query is not None and query is held:
            return getattr(softmax.node, "lineno", None)  # type: ignore[union-attr]
    return None


def written_in_models(machine: Machine) -> Event | None:
    """The first softmax over products in a network class of the source."""
    homes = [
        one.cls.node for one in machine.instances.values() if isinstance(one, Obj) and one.cls is not None
    ]
    for event in machine.events:
        if event.kind != "call" or tail_of(event.data["path"]) != "softmax":
            continue
        inside = any(home.lineno <= event.line <= (home.end_lineno or 0) for home in homes)
        given = (
            event.subject.owner if isinstance(event.subject, Member) else next(iter(event.data["args"]), None)
        )
        if inside and given is not None and scores_of(given) is not None:
            return event
    return None


def is_product(value: Value) -> bool:
    return isinstance(value, Term) and value.op is not None and value.op.path in PRODUCTS


def scores_of(value: Value) -> Op | None:
    """The product nearest behind the input of a softmax."""
    for at, (one, _) in enumerate(behind(value)):
        if is_product(one):
            return one.op  # type: ignore[union-attr]
        if at > NEAR:
            break
    return None


def weights_of(value: Value) -> Op | None:
    """The softmax that gave a value, through dropout and layout."""
    for _ in range(6):
        op = value.op if isinstance(value, Term) else None
        if op is None or not op.inputs:
            return None
        if tail_of(op.path) == "softmax":
            return op
        layer = op.inputs[0]
        if op.path == "call" and isinstance(layer, Made) and len(op.inputs) > 1:
            if tail_of(layer.path) == "Softmax":
                return Op("softmax", op.inputs[1:], node=op.node)
            if not tail_of(layer.path).startswith("Dropout"):
                return None
            value = op.inputs[1]
        elif op.path in LAYOUT or op.path in DROPS:
            value = layer
        else:
            return None
    return None


def _sequence(value: Value) -> Value | None:
    """What a query, key or value was projected from."""
    for _ in range(30):
        op = value.op if isinstance(value, Term) else None
        if op is None:
            return value
        if op.path == "call" and len(op.inputs) > 1:
            return op.inputs[1]
        if not op.inputs:
            return None
        value = op.inputs[0]
    return None
