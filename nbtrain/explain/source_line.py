"""What a line of source names, looked up in its frame without running any of it."""

from __future__ import annotations

import ast
import linecache
from typing import Any

_NONE = object()
_MOST_LINES = 20_000  # a longer file is not parsed for one line


def values_of_line(frame: Any, line: int) -> list[tuple[str, Any]]:
    """Return (expression, value) of the names, attributes and constant items in the statement at a line."""
    statement = _statement(frame, line)
    if statement is None:
        return []
    found: dict[str, Any] = {}
    for node in _outermost(statement):
        value = _look_up(node, frame)
        if value is not _NONE:
            found.setdefault(ast.unparse(node), value)
    return list(found.items())


def _statement(frame: Any, line: int) -> ast.AST | None:
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    if not lines or len(lines) > _MOST_LINES:
        return None
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return None
    around = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]  # fmt: skip
    inner = max(around, key=lambda node: node.lineno, default=None)
    return _head(inner) if inner is not None else None


def _head(statement: ast.stmt) -> ast.AST:
    """Return what of a statement runs at its own line: of a block its head."""
    if isinstance(statement, (ast.If, ast.While)):
        return statement.test
    if isinstance(statement, (ast.For, ast.AsyncFor)):
        return statement.iter
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        return ast.Tuple([item.context_expr for item in statement.items], ast.Load())
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try)):
        return ast.Pass()
    return statement


def _outermost(tree: ast.AST) -> list[ast.expr]:
    """Return the longest expressions that can be looked up, in the order of the source."""
    found: list[ast.expr] = []
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop(0)
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and _is_path(node):
            found.append(node)
            inner = getattr(node, "value", None)
            while inner is not None:  # `batch["x"].shape` may be unknown where `batch["x"]` is not
                found.append(inner)
                inner = getattr(inner, "value", None)
        else:
            todo = [*ast.iter_child_nodes(node), *todo]
    return found


def _is_path(node: ast.AST) -> bool:
    while True:
        if isinstance(node, ast.Name):
            return True
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant):
            return False
        if not isinstance(node, (ast.Attribute, ast.Subscript)):
            return False
        node = node.value


def _look_up(node: ast.AST, frame: Any) -> Any:
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id, _NONE))
    if isinstance(node, ast.Attribute):
        owner = _look_up(node.value, frame)
        return _NONE if owner is _NONE else _attribute(owner, node.attr)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        owner, key = _look_up(node.value, frame), node.slice.value
        if type(owner) in (dict, list, tuple):
            try:
                return owner[key]
            except (KeyError, IndexError, TypeError):
                return _NONE
    return _NONE


def _attribute(owner: Any, name: str) -> Any:
    """Return an attribute from the object's own dictionaries: no property of the person's is run."""
    try:
        held = object.__getattribute__(owner, "__dict__")
    except AttributeError:
        return _NONE
    if name in held:
        return held[name]
    for store in ("_modules", "_parameters", "_buffers"):
        if isinstance(held.get(store), dict) and name in held[store]:
            return held[store][name]
    return _NONE
