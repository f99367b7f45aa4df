"""What calling an object gives: a model its output, a criterion a loss, a layer an activation."""

from __future__ import annotations

import ast
from typing import Any

from nbtrain.notebook.symbolic.library import category
from nbtrain.notebook.symbolic.machine import Machine
from nbtrain.notebook.symbolic.roles import is_model
from nbtrain.notebook.symbolic.values import (
    Choice,
    Const,
    Func,
    Live,
    Made,
    Map,
    Obj,
    Seq,
    Term,
    Value,
)  # fmt: skip

LOSS_WORDS = ("loss", "criterion", "objective")
KEPT = frozenset({"fp16", "mixed", "batch"})


def call_object(
    machine: Machine, owner: Obj, args: list[Value], kwargs: dict[str, Value], node: ast.expr
) -> Value:
    """Call an instance: `__call__`, or `forward` of a module."""
    from nbtrain.notebook.symbolic.calls import class_attribute, run_function, unresolved

    method: Any = None
    if owner.cls is not None:
        method = class_attribute(owner.cls, "__call__") or class_attribute(owner.cls, "forward")
    if not isinstance(method, Func):
        return unresolved(machine, Term(owner.cls.node.name if owner.cls else ""), args, kwargs, node)
    assert owner.cls is not None
    network = is_model(owner) and not any(word in owner.cls.node.name.lower() for word in LOSS_WORDS)
    if network:
        machine.emit("forward", owner, node, args=args, kwargs=kwargs, nested=machine.inside > 0)
    machine.inside += network
    try:
        result = run_function(machine, Func(method.node, method.scope, owner), args, kwargs, node)
    finally:
        machine.inside -= network
    if not network:
        return result
    return _without_division(machine, result, machine.operation("call", (owner, *args), node, kwargs=kwargs))


def _without_division(machine: Machine, result: Value, op: Any) -> Value:
    """A model's outputs: divisions inside it (attention scores) are no division of the loss."""
    if isinstance(result, Seq):
        return Seq([_without_division(machine, one, op) for one in result.items], result.open)
    if isinstance(result, Map):
        return Map(
            {name: _without_division(machine, one, op) for name, one in result.items.items()}, result.open
        )
    if isinstance(result, Term | Choice):
        output = machine.term("output", tags=result.tags - {"divided", "multiplied", "given-k", "opaque"})
        output.op = machine.operation("call", op.inputs, op.node, kwargs=op.kwargs, inside=result)
        return output
    return result


def call_module(
    machine: Machine, owner: Made | Live, args: list[Value], kwargs: dict[str, Value], node: ast.expr
) -> Value:
    """Call a library object: a criterion gives a loss, a layer gives an output."""
    tags = frozenset(tag for one in args for tag in one.tags if tag in KEPT)
    path = path_of(owner)
    if category(path) == "loss":
        if _reduction(owner) == "sum":
            tags |= {"sum"}
        result = machine.term("loss", tags=tags | {"loss"})
        machine.emit("loss", result, node, path=path, args=args, kwargs=kwargs, made=owner)
    else:
        if is_model(owner):
            machine.emit("forward", owner, node, args=args, kwargs=kwargs, nested=machine.inside > 0)
        elif isinstance(owner, Live):
            machine.emit("handed", owner, node, args=args, kwargs=kwargs)
        result = machine.term("output", tags=tags)
    result.op = machine.operation("call", (owner, *args), node, kwargs=kwargs)
    if isinstance(owner, Made) and path == "torch.nn.Sequential" and len(args) == 1:
        result.op.inside = _through(machine, owner, args[0], node)
    return result


def _through(machine: Machine, chain: Made, value: Value, node: ast.expr) -> Value | None:
    """What a Sequential gives that holds networks of the source, read through one by one; None for others."""
    if not any(isinstance(one, Obj) for one in chain.args):
        return None
    machine.inside += 1
    try:
        for one in chain.args:
            value = machine.call(one, [value], {}, node)
    finally:
        machine.inside -= 1
    return value if isinstance(value, Term | Choice) else None


def path_of(value: Value) -> str:
    """The dotted path of a library object's class, made in the source or live in the notebook; "" for
    others."""
    if isinstance(value, Made):
        return value.path
    if isinstance(value, Live):
        kind = type(value.obj)
        return f"{kind.__module__}.{kind.__name__}"
    return ""


def _reduction(criterion: Made | Live) -> Any:
    if isinstance(criterion, Live):
        return vars(criterion.obj).get("reduction") if hasattr(criterion.obj, "__dict__") else None
    held = criterion.kwargs.get("reduction")
    return held.value if isinstance(held, Const) else None
