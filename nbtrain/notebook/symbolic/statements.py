"""Read statements in order: bindings, branches, loops, functions, classes, `with`.

A loop's body is read once.
"""

# ruff: noqa: SIM905 - long tables of names read best as words
from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from nbtrain.notebook.symbolic.arithmetic import truth
from nbtrain.notebook.symbolic.bindings import assign, gradient_was_read, uses_gradient_of
from nbtrain.notebook.symbolic.loops import describe_loop, target_values
from nbtrain.notebook.symbolic.machine import Guard, Loop, Machine
from nbtrain.notebook.symbolic.parse import statements_of
from nbtrain.notebook.symbolic.precision import enter_quiet, region_tags
from nbtrain.notebook.symbolic.values import (
    MISSING,
    Class,
    Const,
    Func,
    Ref,
    Scope,
    Term,
    choose,
    mods_of,
)  # fmt: skip

STOPS = "stops"  # status of a block that never reaches its end
RECORD_BASES = frozenset("NamedTuple BaseModel BaseSettings SQLModel PretrainedConfig Serializable".split())


def execute(machine: Machine, body: list[ast.stmt], scope: Scope) -> str:
    """Read a block; return STOPS when it always ends in return, raise, break or continue."""
    pushed = 0
    status = ""
    for statement in body:
        if machine.frames and not machine.spend(1):
            break
        handler = HANDLERS.get(type(statement))
        if handler is None:
            continue
        outcome = handler(machine, statement, scope)
        if isinstance(outcome, Guard):
            machine.guards.append(outcome)
            pushed += 1
        elif outcome == STOPS:
            status = STOPS
            break
    if pushed:
        del machine.guards[-pushed:]
    return status


def _expression(machine: Machine, node: ast.Expr, scope: Scope) -> None:
    machine.evaluate(node.value, scope)


def _assign(machine: Machine, node: ast.Assign, scope: Scope) -> None:
    value = machine.evaluate(node.value, scope)
    if isinstance(node.targets[0], ast.Attribute) and uses_gradient_of(node.targets[0], node.value):
        machine.emit("hand-step", value, node)
    for target in node.targets:
        assign(machine, target, value, node, scope)


def _annotated(machine: Machine, node: ast.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        assign(machine, node.target, machine.evaluate(node.value, scope), node, scope)


def _augmented(machine: Machine, node: ast.AugAssign, scope: Scope) -> None:
    loaded = ast.copy_location(_loaded(node.target), node.target)
    value = machine.evaluate(ast.copy_location(ast.BinOp(loaded, node.op, node.value), node), scope)
    if isinstance(value, Const):
        value = Const(value.value, None, value.origin)
    if isinstance(value, Term) and value.op is not None and value.op.path == "+":
        machine.emit("add-up", value.op.inputs[1], node, total=value)
    moved = value.op.inputs[:1] if isinstance(value, Term) and value.op is not None else ()
    if uses_gradient_of(node.target, node.value) or any(gradient_was_read(machine, one) for one in moved):
        machine.emit("hand-step", value, node)
    assign(machine, node.target, value, node, scope, how=type(node.op).__name__)


def _loaded(target: Any) -> Any:
    """A copy of an assignment target as an expression to be read."""
    if isinstance(target, ast.Attribute):
        return ast.Attribute(target.value, target.attr, ast.Load())
    if isinstance(target, ast.Subscript):
        return ast.Subscript(target.value, target.slice, ast.Load())
    return ast.Name(target.id, ast.Load())


def _if(machine: Machine, node: ast.If, scope: Scope) -> Any:
    test = machine.evaluate(node.test, scope)
    known = truth(test)
    if known is not None:
        return execute(machine, node.body if known else node.orelse, scope)
    mods = mods_of(test)
    return branch(
        machine,
        scope,
        (Guard(id(node), True, mods, test), node.body),
        (Guard(id(node), False, mods, test), node.orelse),
    )


def branch(machine: Machine, scope: Scope, *cases: tuple[Guard, list[ast.stmt]]) -> Any:
    """Read each case from the same start and join what they set.

    Returns the guard of the only case that goes on.
    """
    outer, results = scope.log, []
    for guard, body in cases:
        scope.log = {}
        machine.guards.append(guard)
        status = execute(machine, body, scope)
        machine.guards.pop()
        log = scope.log
        results.append((guard, status, scope.restore(log)))
    scope.log = outer
    alive = [made for _, status, made in results if status != STOPS]
    for name in {name for made in alive for name in made}:
        before = scope.names.get(name, MISSING)
        values = [made.get(name, before) for made in alive]
        scope.set(name, choose([one for one in values if one is not MISSING]))
    if not alive:
        return STOPS
    if len(alive) < len(results):
        return next(guard for guard, status, _ in results if status != STOPS)
    return None


def _loop_over(machine: Machine, node: ast.For, scope: Scope) -> None:
    iterable = machine.evaluate(node.iter, scope)
    loop = describe_loop(node, node.target, node.iter, iterable)
    _forget_changing(node, scope)
    for name, value in target_values(machine, node.target, iterable):
        scope.set(name, value)
    machine.loops.append(loop)
    execute(machine, node.body, scope)
    machine.loops.pop()
    execute(machine, node.orelse, scope)


def _while(machine: Machine, node: ast.While, scope: Scope) -> None:
    _forget_changing(node, scope)
    test = machine.evaluate(node.test, scope)
    if truth(test) is False:
        return
    loop = Loop(node, node.lineno, "while", written=node.test)
    if (
        isinstance(node.test, ast.Compare)
        and isinstance(node.test.left, ast.Name)
        and isinstance(node.test.ops[0], ast.Lt | ast.LtE)
    ):
        bound = machine.evaluate(node.test.comparators[0], scope)
        loop.target = node.test.left.id
        loop.count = bound if isinstance(bound, Const) and isinstance(bound.value, int) else None
    machine.loops.append(loop)
    execute(machine, node.body, scope)
    machine.loops.pop()


def _forget_changing(node: ast.For | ast.While, scope: Scope) -> None:
    """A number that the loop's body sets anew is no constant inside it."""
    for statement in statements_of(node.body):
        targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
        for target in targets:
            for part in target.elts if isinstance(target, ast.Tuple | ast.List) else (target,):
                if isinstance(part, ast.Name) and isinstance(scope.names.get(part.id), Const):
                    scope.set(part.id, Term(part.id))


def _with(machine: Machine, node: ast.With, scope: Scope) -> str:
    regions = quiet = 0
    for item in node.items:
        value = machine.evaluate(item.context_expr, scope)
        tags = region_tags(machine, value)
        if tags:
            machine.regions.append(tags)
            regions += 1
        quiet += enter_quiet(machine, value)
        if (isinstance(value, Term) and value.name.endswith(".accumulate()")) or (
            isinstance(value, Term) and "no_backward_sync" in value.name
        ):
            machine.emit("accumulate", value, item.context_expr)
        if item.optional_vars is not None:
            assign(machine, item.optional_vars, value, node, scope)
    status = execute(machine, node.body, scope)
    if regions:
        del machine.regions[-regions:]
    if quiet:
        del machine.quiet[-quiet:]
    return status


def _try(machine: Machine, node: Any, scope: Scope) -> Any:
    status = execute(machine, node.body, scope)
    for handler in node.handlers:
        branch(machine, scope, (Guard(id(handler), True), handler.body), (Guard(id(handler), False), []))
    if status != STOPS:
        status = execute(machine, node.orelse, scope)
    execute(machine, node.finalbody, scope)
    return status if not node.handlers else None


def _match(machine: Machine, node: Any, scope: Scope) -> Any:
    subject = machine.evaluate(node.subject, scope)
    if isinstance(subject, Const):
        for case in node.cases:
            pattern = case.pattern
            fits = (
                isinstance(pattern, ast.MatchValue)
                and isinstance(pattern.value, ast.Constant)
                and pattern.value.value == subject.value
            )
            if fits or (isinstance(pattern, ast.MatchAs) and pattern.pattern is None):
                return execute(machine, case.body, scope)
    return branch(
        machine,
        scope,
        *((Guard(id(case), True), case.body) for case in node.cases),
        (Guard(id(node), False), []),
    )


def _function(machine: Machine, node: Any, scope: Scope) -> None:
    func = Func(node, scope)
    scope.set(node.name, func)
    machine.functions.append((node.name, func))
    _decorators(machine, node, func, scope)


def _decorators(machine: Machine, node: Any, func: Func, scope: Scope) -> None:
    """A function may compute under autocast, or without a graph, by its decorator."""
    for decorator in node.decorator_list:
        if ast.unparse(decorator).partition("(")[0].endswith(("no_grad", "inference_mode")):
            machine.quiet_functions.add(id(node))
        if tags := region_tags(machine, machine.evaluate(decorator, scope)):
            machine.emit("autocast-decorator", func, node, tags=tags)


def _class(machine: Machine, node: ast.ClassDef, scope: Scope) -> None:
    bases = [machine.evaluate(base, scope) for base in node.bases]
    inner = Scope(scope)
    cls = Class(node, bases, inner.names)
    decorators = " ".join(ast.unparse(one) for one in node.decorator_list)
    record_base = any(
        isinstance(base, Ref) and base.path.rpartition(".")[2] in RECORD_BASES for base in bases
    )
    named_base = any(isinstance(base, Term) and base.name in RECORD_BASES for base in bases)
    cls.record = "dataclass" in decorators or "define" in decorators or record_base or named_base
    scope.set(node.name, cls)
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            func = Func(statement, scope)
            inner.names[statement.name] = func
            machine.functions.append((f"{node.name}.{statement.name}", func))
            machine.classes[id(statement)] = cls
            _decorators(machine, statement, func, scope)
        else:
            execute(machine, [statement], inner)


def _return(machine: Machine, node: ast.Return, scope: Scope) -> str:
    value = machine.evaluate(node.value, scope)
    if machine.returns:
        machine.returns[-1].append(value)
    return STOPS


def _stop(machine: Machine, node: ast.stmt, scope: Scope) -> str:
    return STOPS


def _import(machine: Machine, node: ast.Import, scope: Scope) -> None:
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        scope.set(name, Ref(alias.name if alias.asname else name))


def _import_from(machine: Machine, node: ast.ImportFrom, scope: Scope) -> None:
    for alias in node.names:
        if alias.name != "*":
            scope.set(alias.asname or alias.name, Ref(f"{'.' * node.level}{node.module or ''}.{alias.name}"))


def _global(machine: Machine, node: ast.Global, scope: Scope) -> None:
    scope.globals.update(node.names)


def _delete(machine: Machine, node: ast.Delete, scope: Scope) -> None:
    return None


HANDLERS: dict[type, Callable[[Machine, Any, Scope], Any]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.If: _if,
    ast.For: _loop_over,
    ast.AsyncFor: _loop_over,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.Match: _match,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Return: _return,
    ast.Raise: _stop,
    ast.Break: _stop,
    ast.Continue: _stop,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Global: _global,
    ast.Nonlocal: _global,
    ast.Delete: _delete,
}
if hasattr(ast, "TryStar"):
    HANDLERS[ast.TryStar] = _try
