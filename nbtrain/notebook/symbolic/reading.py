"""Read a whole source on paper: the module first, then each function that nothing in it calls."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import partial
from typing import Any

from nbtrain.notebook.symbolic.calls import call, instantiate, run_function
from nbtrain.notebook.symbolic.expressions import attribute_of, evaluate
from nbtrain.notebook.symbolic.machine import INLINED_STATEMENTS, Machine
from nbtrain.notebook.symbolic.parse import statements_of
from nbtrain.notebook.symbolic.statements import execute
from nbtrain.notebook.symbolic.values import Class, Const, Func, Obj, Op, Term, Value

# The steps of a LightningModule, with the argument of `fit` whose batches they get, and its place.
BATCHES = {"training_step": ("train_dataloaders", 1), "validation_step": ("val_dataloaders", 2)}


def read(tree: ast.Module, namespace: Mapping[str, Any] | None = None) -> tuple[Machine, tuple[str, ...]]:
    """Read `tree` and return the machine with its trace, and a sentence for each part that was not followed.

    Args:
        tree: a parsed module; nothing of it is executed.
        namespace: the notebook's variables, for names that the source does not set.
    """
    machine = Machine(namespace or {})
    machine.execute = partial(execute, machine)
    machine.evaluate = partial(evaluate, machine)
    machine.call = partial(call, machine)
    machine.attribute = lambda owner, attr, node: attribute_of(machine, owner, attr, node)
    statements = _survey(machine, tree)
    machine.budget = INLINED_STATEMENTS + statements
    remarks: list[str] = []
    for statement in tree.body:
        _guarded(machine, partial(execute, machine, [statement], machine.module), statement, remarks)
    _read_uncalled(machine, remarks)
    if machine.exhausted:
        remarks.append("The source calls its own functions so often that not every call was followed.")
    return machine, tuple(remarks)


def _survey(machine: Machine, tree: ast.Module) -> int:
    """Count statements and find names that change while functions run, so that they are not taken for
    constants."""
    statements = 0
    for node in statements_of(tree.body):
        statements += 1
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute):
            machine.changing.add(node.target.attr)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            machine.changing_names.update(node.names)
    return statements


def _guarded(machine: Machine, action: Any, node: ast.AST, remarks: list[str]) -> None:
    """Run one action; a nesting too deep to follow becomes a remark."""
    try:
        action()
    except RecursionError:
        remarks.append(
            f"Line {getattr(node, 'lineno', '?')} is nested too deeply to follow; it was left out."
        )
        machine.depth = machine.doubt = machine.inside = 0
        for stack in (
            machine.loops,
            machine.guards,
            machine.regions,
            machine.quiet,
            machine.frames,
            machine.running,
            machine.returns,
        ):
            stack.clear()


def _read_uncalled(machine: Machine, remarks: list[str]) -> None:
    at = 0
    while at < len(machine.functions):
        name, func = machine.functions[at]
        at += 1
        if machine.entered.get(id(func.node)) or machine.exhausted:
            continue
        machine.entry = name
        _guarded(machine, partial(_enter, machine, func), func.node, remarks)
        machine.entry = "<module>"


def _enter(machine: Machine, func: Func) -> None:
    owner = func.owner
    cls = machine.classes.get(id(func.node))
    if cls is not None and owner is None:
        owner = machine.instances.get(id(cls.node)) or _instance(machine, cls)
        if machine.entered.get(id(func.node)):
            return
    given = _batch_for(machine, func) if owner is not None else None
    run_function(machine, Func(func.node, func.scope, owner), given or [], {}, func.node)


def _batch_for(machine: Machine, func: Func) -> list[Value] | None:
    """What Lightning gives to a step: a batch of the loader that `fit` got."""
    name, at = BATCHES.get(getattr(func.node, "name", ""), ("", 0))
    parameters = [one.arg for one in func.node.args.args]
    for event in machine.events if name and parameters[1:2] == ["batch"] else ():
        given = (
            [event.data["kwargs"].get(name), *event.data["args"][at : at + 1]] if event.kind == "fit" else []
        )
        loader = next((one for one in given if one is not None), None)
        if loader is not None:
            op = Op("batch", (loader, Const(0)), node=ast.Name("batch", ast.Store()))
            return [Term("batch", frozenset({"batch"}), op=op, alias="batch")]
    return None


def _instance(machine: Machine, cls: Class) -> Obj:
    """An instance of a class that the source never makes.

    Constructor arguments unknown but for their defaults.
    """
    made = instantiate(machine, cls, [], {}, cls.node)  # type: ignore[arg-type]
    assert isinstance(made, Obj)
    made.open = True
    return made
