"""Operators on values.

Numbers are worked out within bounds, anything else becomes an unknown that remembers a division.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from nbtrain.notebook.symbolic.machine import Machine
from nbtrain.notebook.symbolic.values import (
    Choice,
    Class,
    Const,
    Func,
    Made,
    Map,
    Partial,
    Seq,
    Term,
    Value,
    choose,
    name_of,
    options,
)

NUMBERS = (int, float)
MAX_TEXT = 10_000  # characters of a text that is put together
MAX_EXPONENT, MAX_BASE = 64, 1e9
OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
SIGNS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|",
}  # fmt: skip
COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


def arithmetic(machine: Machine, op: ast.operator, pair: tuple[Value, Value], node: ast.expr) -> Value:
    """Return `left op right`: a number where both are numbers, else an unknown that remembers a division."""
    left, right = pair
    if isinstance(left, Choice) or isinstance(right, Choice):
        return choose(arithmetic(machine, op, (a, b), node) for a in options(left) for b in options(right))
    if isinstance(left, Const) and isinstance(right, Const):
        return _number(op, left, right, node)
    if isinstance(op, ast.BitOr | ast.Add) and isinstance(left, Map) and isinstance(right, Map):
        return Map({**left.items, **right.items}, left.open or right.open)
    if isinstance(op, ast.Add) and isinstance(left, Seq) and isinstance(right, Seq):
        return Seq([*left.items, *right.items], left.open or right.open)
    result = machine.term(name_of(left), left, right)
    result.op = machine.operation(SIGNS.get(type(op), "?"), pair, node)
    if isinstance(op, ast.Div | ast.FloorDiv):
        result.tags = left.tags | {"divided"}
    elif isinstance(op, ast.Mult):
        result.tags |= {"multiplied"}
    elif isinstance(op, ast.Mod) and not isinstance(left, Const):
        result.mods = (*result.mods, right)
    return result


def _number(op: ast.operator, left: Const, right: Const, node: ast.expr) -> Value:
    a, b = left.value, right.value
    function = OPERATORS.get(type(op))
    if isinstance(a, str) and isinstance(b, str) and isinstance(op, ast.Add) and len(a) + len(b) < MAX_TEXT:
        return Const(a + b, node)
    if function is None or not isinstance(a, NUMBERS) or not isinstance(b, NUMBERS):
        return Term()
    # Whole numbers grow without bound; floats overflow into an error that is caught below.
    if isinstance(op, ast.Pow) and isinstance(a, int) and (abs(b) > MAX_EXPONENT or abs(a) > MAX_BASE):
        return Term()
    try:
        value = function(a, b)
    except (ArithmeticError, ValueError):
        return Term()
    if isinstance(value, complex) or (isinstance(value, int) and value.bit_length() > 256):
        return Term()
    return Const(value, node, left.origin or right.origin)


def truth(value: Value) -> bool | None:
    """Return whether a value is true, or None when that cannot be told."""
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Seq | Map) and not value.open:
        return bool(value.items)
    if isinstance(value, Func | Class | Made | Partial):
        return True
    if isinstance(value, Choice):
        found = {truth(one) for one in value.options}
        return found.pop() if len(found) == 1 else None
    return None


def compare_known(op: ast.cmpop, left: Const, right: Value) -> bool | None:
    try:
        if isinstance(right, Const) and type(op) in COMPARISONS:
            return bool(COMPARISONS[type(op)](left.value, right.value))
        if isinstance(op, ast.In | ast.NotIn):
            held = None
            if (
                isinstance(right, Seq)
                and not right.open
                and all(isinstance(one, Const) for one in right.items)
            ):
                held = [one.value for one in right.items]  # type: ignore[union-attr]
            elif isinstance(right, Map) and not right.open:
                held = list(right.items)
            elif isinstance(right, Const) and isinstance(right.value, str) and isinstance(left.value, str):
                held = right.value  # type: ignore[assignment]
            if held is not None:
                return (left.value in held) == isinstance(op, ast.In)
    except TypeError:
        return None
    return None
