"""Comprehensions on paper: the element is read once, small dicts over names once for each name."""

from __future__ import annotations

import ast
from typing import Any

from nbtrain.notebook.symbolic.loops import describe_loop
from nbtrain.notebook.symbolic.machine import Machine
from nbtrain.notebook.symbolic.values import Const, Made, Map, Obj, Scope, Seq, Value, choose, name_of

MAX_UNROLLED = 8


def comprehension(machine: Machine, node: Any, scope: Scope) -> Value:
    """Read the element once, with the targets unknown; a comprehension's own names stay inside."""
    inner = Scope(scope)
    sources = []
    for part in node.generators:
        source = machine.evaluate(part.iter, inner)
        sources.append(source)
        machine.loops.append(describe_loop(node, part.target, part.iter, source))
        held = _parts_of_list(source)
        for name in ast.walk(part.target):
            if isinstance(part.target, ast.Name) and held is not None:
                inner.names[part.target.id] = held
            elif isinstance(name, ast.Name):
                tags = frozenset({"batch"}) if machine.loops[-1].kind == "loader" else frozenset()
                found = machine.term(f"{name.id} of {name_of(source)}", source, tags=tags)
                found.op = machine.operation("batch", (source,), part.target)
                inner.names[name.id] = found
        for test in part.ifs:
            machine.evaluate(test, inner)
    try:
        return _elements(machine, node, inner, sources)
    finally:
        del machine.loops[-len(node.generators) :]


def _elements(machine: Machine, node: Any, inner: Scope, sources: list[Value]) -> Value:
    if isinstance(node, ast.DictComp):
        unrolled = _unrolled(machine, node, sources[0], inner)
        if unrolled is not None:
            return unrolled
        machine.evaluate(node.value, inner)
        return Map({}, open=True)
    element = machine.evaluate(node.elt, inner)
    if isinstance(node, ast.GeneratorExp):
        found = machine.term(f"parameters {name_of(element)}", element, *sources)
        found.op = machine.operation("generator", (element,), node)
        return found
    return Seq([element], open=True)


def _unrolled(machine: Machine, node: ast.DictComp, source: Value, inner: Scope) -> Map | None:
    """`{name: ... for name in ["train", "val"]}` read once for each name."""
    target = node.generators[0].target
    names = source.items if isinstance(source, Seq) and not source.open else []
    plain = isinstance(target, ast.Name) and len(node.generators) == 1 and not node.generators[0].ifs
    if not plain or not 0 < len(names) <= MAX_UNROLLED or not all(isinstance(one, Const) for one in names):
        return None
    found = Map({})
    for one in names:
        inner.names[target.id] = one  # type: ignore[attr-defined]
        key = machine.evaluate(node.key, inner)
        value = machine.evaluate(node.value, inner)
        if not isinstance(key, Const) or not isinstance(key.value, str | int | float | bool):
            return None
        found.items[key.value] = value
        if isinstance(value, Made | Obj):
            machine.named.setdefault(id(value), (value, f"{key.value}", node))
    return found


def _parts_of_list(source: Value) -> Value | None:
    """One of the layers or networks of a list of such; None for other things to go through."""
    if isinstance(source, Made) and source.path == "torch.nn.ModuleList" and source.args:
        source = source.args[0]
    held = source.items if isinstance(source, Seq) else []
    return choose(held) if held and all(isinstance(one, Made | Obj) for one in held) else None
