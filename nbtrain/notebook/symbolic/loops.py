"""What a loop goes over, how often, and what its targets stand for."""

from __future__ import annotations

import ast
from typing import Any

from nbtrain.notebook.symbolic.machine import Loop, Machine
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.notebook.symbolic.values import (
    Const,
    Made,
    Member,
    Obj,
    Seq,
    Term,
    Value,
    choose,
    name_of,
    options,
)

LOADER_WORDS = ("loader", "dataloader", "batches", "train_dl", "train_iter", "data_iter", "minibatch")
# Go over a list one by one, in whatever order.
ONE_BY_ONE = ("list", "iter", "reversed", "tqdm", "trange", "track")


def unwrap(value: Value) -> list[Value]:
    """Return what is iterated beneath enumerate, tqdm, zip and their like."""
    if isinstance(value, Made) and value.path == "builtins.iteration":
        return [inner for one in value.args for inner in unwrap(one)]
    return list(options(value))


def describe_loop(node: Any, target: ast.expr, source: ast.expr, iterable: Value) -> Loop:
    """Say what a `for`, of a statement or a comprehension, goes over and how often."""
    name = target.id if isinstance(target, ast.Name) else ast.unparse(target)
    loop = Loop(node, node.lineno, "other", None, name, iterable, source)
    for one in unwrap(iterable):
        if isinstance(one, Made) and one.path == "builtins.range":
            loop.kind, loop.count = "range", _range_count(one)
        elif _feeds(one):
            loop.kind, loop.iterable = "loader", one
            return loop
    return loop


def _feeds(value: Value) -> bool:
    """A loader, by its class or, when it is made elsewhere, by its name."""
    named = isinstance(value, Term | Member) and any(word in name_of(value).lower() for word in LOADER_WORDS)
    return kind_of(value) in ("loader", "other-loader") or named


def _range_count(made: Made) -> Const | None:
    bounds = made.args
    stop = bounds[1] if len(bounds) > 1 else bounds[0] if bounds else None
    start = bounds[0] if len(bounds) > 1 else Const(0)
    if not isinstance(stop, Const) or not isinstance(stop.value, int):
        return None
    first = start.value if isinstance(start, Const) and isinstance(start.value, int) else 0
    stride = (
        bounds[2].value
        if len(bounds) > 2 and isinstance(bounds[2], Const) and isinstance(bounds[2].value, int)
        else 1
    )
    return Const(max(0, (stop.value - first) // (stride or 1)), stop.node, stop.origin)


def _listed(iterable: Value) -> Value:
    """What `list(items)`, `tqdm(items)` and their like go over, where that is a list of the source."""
    if isinstance(iterable, Made) and iterable.path == "builtins.iteration" and len(iterable.args) == 1:
        func = iterable.node.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        inner = _listed(iterable.args[0])
        return inner if name in ONE_BY_ONE and isinstance(inner, Seq) else iterable
    return iterable


def target_values(machine: Machine, target: ast.expr, iterable: Value) -> list[tuple[str, Value]]:
    # `for self.epoch in ...` sets an attribute, and no name.
    bound = [one for one in ast.walk(target) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
    names = [one.id for one in bound]
    iterable = _listed(iterable)
    if isinstance(iterable, Made) and iterable.path == "torch.nn.ModuleList" and iterable.args:
        iterable = iterable.args[0]
        if isinstance(target, ast.Name) and isinstance(iterable, Seq) and iterable.items:
            return [(target.id, choose(iterable.items))]
    objects = isinstance(iterable, Seq) and all(isinstance(one, Made | Obj) for one in iterable.items)
    if isinstance(iterable, Seq) and iterable.items and (objects or not iterable.open):
        if isinstance(target, ast.Name):
            return [(target.id, choose(iterable.items))]
        if isinstance(target, ast.Tuple) and all(
            isinstance(one, Seq) and len(one.items) == len(names) for one in iterable.items
        ):
            return [(name, choose(one.items[at] for one in iterable.items)) for at, name in enumerate(names)]  # type: ignore[attr-defined]
    sources = unwrap(iterable)
    tags = frozenset({"batch"}) if any(_feeds(one) for one in sources) else frozenset()
    of = next((name_of(one) for one in sources if name_of(one)), "")
    found = [(name, machine.term(f"{name} of {of}" if of else name, tags=tags)) for name in names]
    for position, (_, value) in enumerate(found):
        value.op = machine.operation("batch", (iterable, Const(position)), target)
    return found
