"""How the patterns say a person's objects: shapes, layers made anew, the two sides of a loss."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from nbtrain.explain.raised import Raised
from nbtrain.explain.sight import Located, Sight, is_defined_by_person

# A place where torch's recurrent layers look at the state that they were given, or one whose line is unknown.
AT_STATE = r"nn/modules/rnn\.py: (?:$|.*\bhx[.\[])"


def shape_of(value: Any) -> str:
    """`(32, 100)`"""
    return str(tuple(value.shape))


def layer_line(located: Located, made: str) -> str:
    """Return the line that puts another layer in a layer's place, where the person would write it."""
    owner = located.owner
    if is_defined_by_person(owner) and not located.attribute.isdigit():
        return f"self.{located.attribute} = {made}  # in {type(owner).__name__}.__init__"
    return f"{located.code} = {made}" if located.root else made


def loss_pair(sight: Sight, *functions: str) -> tuple[str, Any, str, Any] | None:
    """Return (name, output, name, target) of the loss function that failed."""
    for function in functions:
        output, target = sight.local("input", function), sight.local("target", function)
        if output is not None and target is not None:
            return sight.name_of(output, "output"), output, sight.name_of(target, "target"), target
    return None


def assigned(name: str, value: str) -> str:
    """`x = x.float()`; the expression alone where the name is no variable."""
    return f"{name} = {value}" if name.isidentifier() else value


def listed(names: Sequence[str], most: int = 5) -> str:
    """`a`, `b`, `c` and 4 more."""
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def nodes_of_line(raised: Raised) -> list[ast.AST]:
    """Return the syntax of the person's innermost line, outermost first; empty for a part of a statement.

    The head of a block (`if ...:`, `elif ...:`) is read with a body of its own.
    """
    line = raised.place.code if raised.place is not None else ""
    for whole in (line, f"{line} pass", f"if 0:\n    pass\n{line} pass"):
        try:
            return list(ast.walk(ast.parse(whole)))
        except SyntaxError:
            continue
    return []


def owner_of(raised: Raised, attribute: str, held: Callable[[str], bool]) -> ast.expr | None:
    """Return what the person's innermost line takes an attribute of, None where that is not certain.

    Args:
        held: whether an expression may be it.
    """
    taken = [node for node in nodes_of_line(raised) if isinstance(node, ast.Attribute)]
    fit = [node.value for node in taken if node.attr == attribute and held(ast.unparse(node.value))]
    return fit[0] if len({ast.unparse(owner) for owner in fit}) == 1 else None


def with_node(raised: Raised, node: ast.expr, said: str) -> str:
    """Return the person's innermost line with one of its `nodes_of_line` in other words."""
    line = (raised.place.code if raised.place is not None else "").encode()
    return (line[: node.col_offset] + said.encode() + line[node.end_col_offset :]).decode().strip()


def state_name(raised: Raised) -> str:
    """Return what the person calls the weights that are loaded; `state` where they are an expression."""
    given = _state_given(raised)
    return given if given.isidentifier() else "state"


def state_line(raised: Raised) -> str:
    """Return the line that gives the weights a name, "" where they have one."""
    given = _state_given(raised)
    return "" if given.isidentifier() or not given else f"state = {given}\n"


def _state_given(raised: Raised) -> str:
    for node in nodes_of_line(raised):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "load_state_dict" and node.args:
            return ast.unparse(node.args[0])
    return ""


def batch_pairs(sight: Sight) -> tuple[str, list[tuple[int, int]]]:
    """Return the loader's name, and (batch size, batches to accumulate) that keep the samples of a step."""
    for name, loader in sight.of_type("DataLoader").items():
        batch = getattr(loader, "batch_size", None)
        if isinstance(batch, int) and batch > 1:
            halves = [(batch // 2**power, 2**power) for power in range(1, 5) if batch % 2**power == 0]
            return name, halves[:3]
    return "", []
