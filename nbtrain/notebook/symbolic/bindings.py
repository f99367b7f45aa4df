"""Bind a value to a target: a name, an attribute, a subscript, a tuple.

And notice gradients and learning rates set by hand.
"""

from __future__ import annotations

import ast
from typing import Any

from nbtrain.notebook.symbolic.machine import Machine
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.notebook.symbolic.values import (
    Choice,
    Const,
    Made,
    Map,
    Member,
    Obj,
    Scope,
    Seq,
    Term,
    Value,
    choose,
    name_of,
)

LEARNING_RATE_KEYS = frozenset({"lr", "lr_scale", "initial_lr"})


def assign(
    machine: Machine, target: ast.expr, value: Value, statement: ast.AST, scope: Scope, how: str = ""
) -> None:
    """Bind `value` to `target`. `how`: the operator's class name for an augmented assignment, else ""."""
    if isinstance(target, ast.Name):
        _name_it(machine, value, target, statement)
        scope.set(target.id, value)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(machine, target, value, statement, scope)
    elif isinstance(target, ast.Starred):
        assign(machine, target.value, Term(), statement, scope)
    elif isinstance(target, ast.Attribute):
        _set_attribute(machine, target, value, statement, scope, how)
    elif isinstance(target, ast.Subscript):
        _set_item(machine, target, value, statement, scope, how)


def uses_gradient_of(target: ast.expr, value: ast.expr) -> bool:
    """Whether a statement moves a tensor along its own gradient: `w -= lr * w.grad`, `w.data = ...`."""
    if not isinstance(value, ast.BinOp | ast.Call | ast.Attribute):
        return False
    grads = [one for one in ast.walk(value) if isinstance(one, ast.Attribute) and one.attr == "grad"]
    moved = ast.unparse(target).removesuffix(".data") if grads else ""
    return any(ast.unparse(one.value).removesuffix(".data") == moved for one in grads)


def gradient_was_read(machine: Machine, moved: Value) -> bool:
    """Whether a tensor's gradient went into another: into the momentum along which it is moved now."""
    return any(event.kind == "grad-read" and event.subject is moved for event in machine.events)


def _name_it(machine: Machine, value: Value, target: ast.expr, statement: ast.AST) -> None:
    if isinstance(value, Made | Obj) and id(value) not in machine.named:
        name = target.id if isinstance(target, ast.Name) else ast.unparse(target)
        machine.named[id(value)] = (value, name, statement)
    if isinstance(value, Term) and not value.alias:
        value.alias = ast.unparse(target)


def _unpack(machine: Machine, target: Any, value: Value, statement: ast.AST, scope: Scope) -> None:
    plain = not any(isinstance(one, ast.Starred) for one in target.elts)
    if isinstance(value, Choice) and all(
        isinstance(one, Seq) and len(one.items) >= len(target.elts) for one in value.options
    ):
        value = Seq([choose(one.items[at] for one in value.options) for at in range(len(target.elts))])  # type: ignore[attr-defined]
    if plain and (alike := _one_for_all(value)) is not None:
        value = Seq([alike] * len(target.elts))
    if isinstance(value, Seq) and plain and len(value.items) >= len(target.elts):
        for one, part in zip(target.elts, value.items, strict=False):
            assign(machine, one, part, statement, scope)
        return
    for position, one in enumerate(target.elts):
        name = ast.unparse(one) if isinstance(one, ast.Name) else ""
        part = machine.term(name, value)
        part.op = machine.operation("[]", (value, Const(position)), one)
        assign(machine, one, part, statement, scope)


def _one_for_all(value: Value) -> Value | None:
    """What stands for each schedule that a comprehension makes: `a, b = (StepLR(each) for each in (c, d))`.

    Models, optimizers and loaders are told apart by what is done to each, and are not one.
    """
    op = value.op if isinstance(value, Term) else None
    made = op.inputs[:1] if op is not None and op.path == "generator" else ()
    held = value.items if isinstance(value, Seq) and value.open and len(value.items) == 1 else made
    return next((one for one in held if kind_of(one) == "scheduler"), None)


def _set_attribute(
    machine: Machine, target: ast.Attribute, value: Value, statement: ast.AST, scope: Scope, how: str
) -> None:
    owner = machine.evaluate(target.value, scope)
    if target.attr == "grad" or (
        target.attr == "data" and isinstance(owner, Member) and owner.attr == "grad"
    ):
        if isinstance(value, Const) and value.value is None:
            machine.emit("zero-grad", owner, statement)
        else:
            machine.emit("grad-edit", owner, statement, how=how or "assign")
    if target.attr == "requires_grad":
        kept = isinstance(value, Const) and value.value is True
        machine.emit("unfreeze" if kept else "freeze", owner, statement, known=isinstance(value, Const))
    machine.emit("set", owner, statement, attr=target.attr, value=value)
    if target.attr == "automatic_optimization" and isinstance(value, Const) and value.value is False:
        machine.emit("manual-optimization", owner, statement)
    _name_it(machine, value, target, statement)
    for one in owner.options if isinstance(owner, Choice) else (owner,):
        if isinstance(one, Obj | Made):
            old = one.attrs.get(target.attr)
            one.attrs[target.attr] = choose([old, value]) if old is not None and machine.guards else value


def _set_item(
    machine: Machine, target: ast.Subscript, value: Value, statement: ast.AST, scope: Scope, how: str
) -> None:
    owner = machine.evaluate(target.value, scope)
    key = machine.evaluate(target.slice, scope)
    machine.emit("set-item", owner, statement, key=key, value=value)
    known = isinstance(owner, Map) and isinstance(key, Const)
    if known and isinstance(key.value, str | int | float | bool | None):  # type: ignore[union-attr]
        owner.items[key.value] = value  # type: ignore[union-attr]
    elif isinstance(owner, Map):
        owner.open = True
    if isinstance(key, Const) and key.value in LEARNING_RATE_KEYS and not isinstance(owner, Map):
        machine.emit("lr-set", owner, statement, value=value, how=how, name=name_of(owner))
