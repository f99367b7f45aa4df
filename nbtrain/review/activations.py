"""Fixes that take the last activation of a network away, where nothing else reads what it gives."""

from __future__ import annotations

import ast
import re

from nbtrain.notebook.losses_read import last_layer
from nbtrain.notebook.symbolic.values import Made, Op
from nbtrain.review.edits import Edit, keep_part, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.places import nn_of, way_to
from nbtrain.review.steps import function_around

# Signs that probabilities are read as such: thresholds, rounding, and measures of their size.
READ = re.compile(r"0\.5|\bround\(|thresh|log_loss|brier|entropy\(|roc_auc|average_precision", re.IGNORECASE)
# The largest of a row is the same class before and after a softmax.
SAME_CLASS = r"(?:{0}(?:\.detach\(\))?\.(?:argmax|max)\(|torch\.(?:argmax|max)\(\s*{0}\b)"


def taken_away(facts: ReviewFacts, op: Op | None) -> tuple[Edit, ...]:
    """Return the edits that take a softmax or sigmoid away; none where its result has other readers."""
    node = op.node if op is not None else None
    if op is None or not isinstance(node, ast.Call) or READ.search(facts.words.replace("cross_entropy", "")):
        return ()
    if op.path != "call":
        return () if _read_elsewhere(facts, node) else keep_part(node, _given(node))
    layer = last_layer(op.inputs[0]) if op.inputs else None
    if layer is not op.inputs[0]:
        nn = nn_of(facts)
        made = isinstance(layer, Made) and isinstance(layer.node, ast.Call) and nn
        return replace_node(layer.node, f"{nn}.Identity()") if made else ()  # type: ignore[union-attr, arg-type]
    if len(node.args) != 1 or _read_elsewhere(facts, node):
        return ()
    return keep_part(node, node.args[0])


def _given(node: ast.Call) -> ast.expr:
    """What a function or a method is applied to."""
    func = node.func
    module = isinstance(func, ast.Attribute) and ast.unparse(func.value) in (
        "F",
        "torch",
        "nn.functional",
        "torch.nn.functional",
    )
    if (
        isinstance(func, ast.Attribute)
        and not module
        and not (node.args and isinstance(node.args[0], ast.Name | ast.Call))
    ):
        return func.value
    return node.args[0] if node.args else node


def _read_elsewhere(facts: ReviewFacts, node: ast.Call) -> bool:
    """Whether the name that the result gets is read more than once as anything but the largest of a row."""
    way = way_to(facts, node)
    statement = way[-1][0] if way else None
    if not isinstance(statement, ast.Assign):
        return statement is None
    if len(statement.targets) != 1 or not isinstance(statement.targets[0], ast.Name):
        return True
    name = statement.targets[0].id
    tree = facts.source.tree if facts.source is not None else None
    home = function_around(tree, node) or tree
    if home is None or statement.value is not node:
        return True
    loads = [
        one
        for one in ast.walk(home)
        if isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load)
    ]
    harmless = len(re.findall(SAME_CLASS.format(re.escape(name)), ast.unparse(home)))
    return len(loads) - harmless > 1
