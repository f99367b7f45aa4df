"""What an expression stands for, as far as the source tells.

Evaluates arithmetic on numbers only; calls nothing.
"""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Callable
from typing import Any

from nbtrain.notebook.symbolic.arithmetic import MAX_TEXT, NUMBERS, arithmetic, compare_known, truth
from nbtrain.notebook.symbolic.calls import call, class_attribute
from nbtrain.notebook.symbolic.comprehensions import comprehension
from nbtrain.notebook.symbolic.library import CUSTOMARY
from nbtrain.notebook.symbolic.machine import Guard, Machine
from nbtrain.notebook.symbolic.namespace_values import live_attribute, value_of
from nbtrain.notebook.symbolic.values import (
    Choice,
    Class,
    Const,
    Func,
    Made,
    Map,
    Member,
    Obj,
    Ref,
    Scope,
    Seq,
    Term,
    Value,
    choose,
    mods_of,
    name_of,
)  # fmt: skip

MAX_NESTING = 150
MAX_WRITTEN = 10**18  # whole numbers below this are written into a text
NUMBERS_BY_PATH = {
    "math.pi": math.pi, "math.e": math.e, "math.inf": math.inf, "numpy.pi": math.pi, "torch.pi": math.pi,
}  # fmt: skip


def evaluate(machine: Machine, node: ast.expr | None, scope: Scope) -> Value:
    """Return what `node` stands for; an unknown Term where the source does not tell."""
    if node is None:
        return Const(None)
    reader = READERS.get(type(node))
    if reader is None or machine.depth > MAX_NESTING:
        return _unknown(machine, node, scope) if machine.depth <= MAX_NESTING else Term()
    machine.depth += 1
    try:
        return reader(machine, node, scope)
    finally:
        machine.depth -= 1


def _unknown(machine: Machine, node: ast.expr, scope: Scope) -> Value:
    parts = [
        evaluate(machine, child, scope) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)
    ]
    found = machine.term("", *parts)
    found.op = machine.operation("?", parts, node)
    return found


def _constant(machine: Machine, node: ast.Constant, scope: Scope) -> Value:
    return Const(node.value, node)


def _name(machine: Machine, node: ast.Name, scope: Scope) -> Value:
    found = scope.get(node.id)
    if found is not None:
        moving = (
            node.id in machine.changing_names
            and isinstance(found, Const)
            and isinstance(found.value, NUMBERS)
        )
        return Term(node.id) if moving else found
    machine.seen_names.add(node.id)
    if node.id in machine.namespace:
        machine.used_live[node.id] = machine.namespace[node.id]
        return value_of(machine.namespace[node.id], node.id)
    if node.id == "__name__":  # what is reviewed is what will be run; the builtins have one of their own
        return Const("__main__")
    if hasattr(builtins, node.id):
        return Ref(f"builtins.{node.id}")
    return Ref(CUSTOMARY[node.id], guessed=True) if node.id in CUSTOMARY else Term(node.id)


def _attribute(machine: Machine, node: ast.Attribute, scope: Scope) -> Value:
    return attribute_of(machine, evaluate(machine, node.value, scope), node.attr, node)


def attribute_of(machine: Machine, owner: Value, attr: str, node: ast.expr) -> Value:
    """Return `owner.attr`; running no property but those of the source itself."""
    if isinstance(owner, Choice):
        return choose(attribute_of(machine, one, attr, node) for one in owner.options)
    if isinstance(owner, Ref):
        number = NUMBERS_BY_PATH.get(f"{owner.path}.{attr}")
        return Ref(f"{owner.path}.{attr}") if number is None else Const(number, node)
    if isinstance(owner, Obj):
        return _object_attribute(machine, owner, attr, node)
    if isinstance(owner, Class):
        return class_attribute(owner, attr) or Term(f"{owner.node.name}.{attr}")
    if isinstance(owner, Made) and attr in owner.attrs:
        return owner.attrs[attr]
    found = live_attribute(owner, attr)
    return found if found is not None else Member(owner, attr)


def _object_attribute(machine: Machine, owner: Obj, attr: str, node: ast.expr) -> Value:
    found = owner.attrs.get(attr)
    if found is None and owner.cls is not None:
        found = class_attribute(owner.cls, attr)
        if isinstance(found, Func) and found.owner is None:
            decorators = [ast.unparse(one) for one in getattr(found.node, "decorator_list", ())]
            bound = found if "staticmethod" in decorators else Func(found.node, found.scope, owner)
            if any(one.endswith(("property", "cached_property")) for one in decorators):
                return call(machine, bound, [], {}, node)
            return bound
    if found is None:
        return Member(owner, attr) if owner.cls is not None else Term(attr)
    if attr in machine.changing and isinstance(found, Const) and isinstance(found.value, NUMBERS):
        return Term(attr)
    return found


def _subscript(machine: Machine, node: ast.Subscript, scope: Scope) -> Value:
    owner = evaluate(machine, node.value, scope)
    key = evaluate(machine, node.slice, scope)
    found = item_of(machine, owner, key)
    if isinstance(found, Term) and found.op is not None and found.op.node is None:
        found.op.node = node
    return found


def item_of(machine: Machine, owner: Value, key: Value) -> Value:
    """Return `owner[key]`."""
    if isinstance(owner, Choice):
        return choose(item_of(machine, one, key) for one in owner.options)
    if isinstance(key, Choice):
        return choose(item_of(machine, owner, one) for one in key.options)
    if isinstance(owner, Made) and owner.path == "torch.nn.ModuleList" and owner.args:
        return item_of(machine, owner.args[0], key)
    if isinstance(owner, Made) and owner.path == "torch.nn.Sequential" and owner.complete:
        return item_of(machine, Seq(owner.args), key)
    if isinstance(key, Const):
        if isinstance(owner, Map):
            found = owner.items.get(key.value) if _hashable(key.value) else None
            return found if found is not None else Term(str(key.value))
        if (
            isinstance(owner, Seq)
            and isinstance(key.value, int)
            and -len(owner.items) <= key.value < len(owner.items)
        ):
            return owner.items[key.value]
        if isinstance(owner, Obj) and owner.cls is None and key.value in owner.attrs:
            return owner.attrs[key.value]
        if isinstance(key.value, str):
            return Member(owner, key.value)
    if isinstance(owner, Map) and not owner.open and owner.items:
        return choose(owner.items.values())
    found = machine.term(name_of(owner), owner)
    found.op = machine.operation("[]", (owner, key), None)
    return found


def _hashable(value: Any) -> bool:
    return isinstance(value, str | int | float | bool | None | bytes)


def _binary(machine: Machine, node: ast.BinOp, scope: Scope) -> Value:
    left, right = evaluate(machine, node.left, scope), evaluate(machine, node.right, scope)
    return arithmetic(machine, node.op, (left, right), node)


def _unary(machine: Machine, node: ast.UnaryOp, scope: Scope) -> Value:
    inner = evaluate(machine, node.operand, scope)
    if isinstance(inner, Const) and isinstance(node.op, ast.Not):
        return Const(not inner.value, node)
    if isinstance(inner, Const) and isinstance(inner.value, NUMBERS) and isinstance(node.op, ast.USub):
        return Const(-inner.value, node, inner.origin)
    found = machine.term(name_of(inner), inner)
    found.op = machine.operation("not" if isinstance(node.op, ast.Not) else "-", (inner,), node)
    return found


def _boolean(machine: Machine, node: ast.BoolOp, scope: Scope) -> Value:
    """`and` / `or` with Python's short circuit where the values are known."""
    decides = isinstance(node.op, ast.Or)
    left_over: list[Value] = []
    for part in node.values:
        value = evaluate(machine, part, scope)
        known = truth(value)
        if known is not None and known == decides:
            return (
                value
                if not left_over
                else (choose([*left_over, value]) if decides else machine.term("", *left_over))
            )
        if known is None:
            left_over.append(value)
    if not left_over:
        return value
    result = machine.term("", *left_over)
    result.op = machine.operation("or" if decides else "and", left_over, node)
    return result


def _compare(machine: Machine, node: ast.Compare, scope: Scope) -> Value:
    left = evaluate(machine, node.left, scope)
    rights = [evaluate(machine, one, scope) for one in node.comparators]
    if len(rights) == 1 and isinstance(left, Const):
        known = compare_known(node.ops[0], left, rights[0])
        if known is not None:
            return Const(known, node)
    if (
        len(rights) == 1
        and isinstance(rights[0], Const)
        and rights[0].value is None
        and not isinstance(left, Term | Member | Choice | Const)
    ):
        return Const(isinstance(node.ops[0], ast.IsNot | ast.NotEq), node)
    result = machine.term(name_of(left), left, *rights)
    result.op = machine.operation("compare", (left, *rights), node)
    right = rights[0]
    counts = isinstance(node.ops[0], ast.Eq | ast.GtE) and not result.mods and not isinstance(left, Const)
    if counts and (not isinstance(right, Const) or (isinstance(right.value, int) and right.value > 1)):
        result.mods = (right,)
    return result


def _if_expression(machine: Machine, node: ast.IfExp, scope: Scope) -> Value:
    test = evaluate(machine, node.test, scope)
    known = truth(test)
    if known is not None:
        return evaluate(machine, node.body if known else node.orelse, scope)
    found: list[Value] = []
    for holds, part in ((True, node.body), (False, node.orelse)):
        machine.guards.append(Guard(id(node), holds, mods_of(test), test))
        found.append(evaluate(machine, part, scope))
        machine.guards.pop()
    return choose(found)


def _sequence(machine: Machine, node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Value:
    items: list[Value] = []
    unknown = False
    for part in node.elts:
        value = evaluate(machine, part.value if isinstance(part, ast.Starred) else part, scope)
        if not isinstance(part, ast.Starred):
            items.append(value)
        elif isinstance(value, Seq):
            items.extend(value.items)
            unknown = unknown or value.open
        else:
            unknown = True
            items += [value] if isinstance(value, Term) and value.source is not None else []  # parameters
    return Seq(items, unknown)


def _mapping(machine: Machine, node: ast.Dict, scope: Scope) -> Value:
    result = Map({})
    for key, part in zip(node.keys, node.values, strict=True):
        value = evaluate(machine, part, scope)
        if key is None:
            if isinstance(value, Map):
                result.items.update(value.items)
                result.open = result.open or value.open
            else:
                result.open = True
            continue
        name = evaluate(machine, key, scope)
        if isinstance(name, Const) and _hashable(name.value):
            result.items[name.value] = value
        else:
            result.open = True
    return result


def _call(machine: Machine, node: ast.Call, scope: Scope) -> Value:
    func = evaluate(machine, node.func, scope)
    args: list[Value] = []
    kwargs: dict[str, Value] = {}
    complete = True
    for part in node.args:
        value = evaluate(machine, part.value if isinstance(part, ast.Starred) else part, scope)
        if not isinstance(part, ast.Starred):
            args.append(value)
        elif isinstance(value, Seq) and not value.open:
            args.extend(value.items)
        else:
            complete = False
            if isinstance(value, Seq) and isinstance(func, Ref) and func.path.startswith("torch.nn."):
                args.extend(value.items)
    for keyword in node.keywords:
        value = evaluate(machine, keyword.value, scope)
        if keyword.arg is not None:
            kwargs[keyword.arg] = value
        elif isinstance(value, Map):
            kwargs.update({name: one for name, one in value.items.items() if isinstance(name, str)})
            complete = complete and not value.open
        else:
            complete = False
    return call(machine, func, args, kwargs, node, complete=complete)


def _lambda(machine: Machine, node: ast.Lambda, scope: Scope) -> Value:
    return Func(node, scope)


def _walrus(machine: Machine, node: ast.NamedExpr, scope: Scope) -> Value:
    value = evaluate(machine, node.value, scope)
    scope.set(node.target.id, value)
    return value


def _pass_through(machine: Machine, node: Any, scope: Scope) -> Value:
    return evaluate(machine, node.value, scope)


def _text(machine: Machine, node: ast.JoinedStr, scope: Scope) -> Value:
    found: list[str] | None = []
    for part in node.values:
        value = evaluate(machine, part.value if isinstance(part, ast.FormattedValue) else part, scope)
        plain = not isinstance(part, ast.FormattedValue) or (part.format_spec is None and part.conversion < 0)
        text = _written(value) if plain else None
        found = None if text is None or found is None else [*found, text]
    if found is None or sum(map(len, found)) > MAX_TEXT:
        return Term("text")
    return Const("".join(found), node)


def _written(value: Value) -> str | None:
    """A constant as text, where that is short: a number of thousands of digits takes long to write."""
    held = value.value if isinstance(value, Const) else None
    short = abs(held) < MAX_WRITTEN if isinstance(held, int) else isinstance(held, str | float)
    return str(held) if short else None


READERS: dict[type, Callable[[Machine, Any, Scope], Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.IfExp: _if_expression,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Set: _sequence,
    ast.Dict: _mapping,
    ast.Call: _call,
    ast.ListComp: comprehension,
    ast.SetComp: comprehension,
    ast.DictComp: comprehension,
    ast.GeneratorExp: comprehension,
    ast.Lambda: _lambda,
    ast.NamedExpr: _walrus,
    ast.Await: _pass_through,
    ast.Starred: _pass_through,
    ast.JoinedStr: _text,
}
