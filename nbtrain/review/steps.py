"""Where in a source a training step stands, for rules that put lines beside it."""

from __future__ import annotations

import ast

from nbtrain.notebook.facts import TrainingFact
from nbtrain.review.facts import ReviewFacts


def step_text(training: TrainingFact) -> str:
    """The optimizer of `X.step()` or `scaler.step(X)` as the source writes it, or ""."""
    node = training.node
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "step":
        return ""
    return ast.unparse(
        node.args[0] if node.args and isinstance(node.args[0], ast.Name | ast.Attribute) else node.func.value
    )


def function_around(tree: ast.Module | None, node: ast.AST | None) -> ast.AST | None:
    """The innermost function that holds a node's line, or None at module level."""
    line = getattr(node, "lineno", None)
    if tree is None or line is None:
        return None
    around = [
        one
        for one in ast.walk(tree)
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        and one.lineno <= line <= (one.end_lineno or 0)
    ]
    return max(around, key=lambda one: one.lineno, default=None)


def one_scope(facts: ReviewFacts, made: ast.AST | None, used: ast.AST | None) -> bool:
    """Whether a name bound beside `made` can be read beside `used`."""
    if facts.source is None or made is None or used is None or isinstance(made, ast.With):
        return False
    home = function_around(facts.source.tree, made)
    return home is None or home is function_around(facts.source.tree, used)


def scaler_text(training: TrainingFact) -> str:
    """The scaler of `scaler.step(optimizer)` as the source writes it."""
    func = getattr(training.node, "func", None)
    return ast.unparse(func.value) if isinstance(func, ast.Attribute) else "scaler"
