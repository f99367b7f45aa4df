"""Where in a source a fix can go: the statement around a node, and the block that holds it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbtrain.notebook.symbolic.machine import Event
from nbtrain.review.edits import Edit, line_after, move
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.steps import function_around

Way = list[tuple[ast.stmt, list[ast.stmt]]]  # statements around a node, outermost first, each with its block


def way_to(facts: ReviewFacts, node: ast.AST | None) -> Way:
    """Return the statements that hold a node, outermost first, each with the block that it stands in."""
    tree = facts.source.tree if facts.source is not None else None
    line = getattr(node, "lineno", None)
    if tree is None or line is None or node is None:
        return []
    found: Way = []
    blocks = [tree.body]
    while blocks:
        block = blocks.pop()
        for one in block:
            if one.lineno <= line <= (one.end_lineno or one.lineno):
                found.append((one, block))
                blocks = list(_blocks(one))
                break
    inside = found and any(one is node for one in ast.walk(found[-1][0]))
    return found if inside or any(one is node for one, _ in found) else []


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield block
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def own_lines(facts: ReviewFacts, node: ast.AST | None) -> ast.stmt | None:
    """Return the statement that does nothing but what `node` does and has its lines for itself, or None.

    A condition around it alone belongs to it.
    """
    way = way_to(facts, node)
    if not way:
        return None
    statement, block = way[-1]
    if not isinstance(statement, ast.Expr | ast.Assign) or not _by_itself(statement, block):
        return None
    for outer, held in reversed(way[:-1]):
        alone = isinstance(outer, ast.If) and not outer.orelse and len(outer.body) == 1
        if not alone or not _by_itself(outer, held):
            break
        statement, block = outer, held
    return statement if len(block) > 1 else None


def _by_itself(statement: ast.stmt, block: list[ast.stmt]) -> bool:
    own = {statement.lineno, statement.end_lineno}
    return not any(own & {one.lineno, one.end_lineno} for one in block if one is not statement)


def moved(facts: ReviewFacts, node: ast.AST, beside: ast.AST | None, *, after: bool) -> tuple[Edit, ...]:
    """Move the statement of `node` before or behind the statement of `beside`, within one function."""
    own, way = own_lines(facts, node), way_to(facts, beside)
    tree = facts.source.tree if facts.source is not None else None
    if own is None or not way or function_around(tree, node) is not function_around(tree, beside):
        return ()
    target, block = way[-1]
    return move(own, target, after=after) if target is not own and _by_itself(target, block) else ()


def moved_behind(facts: ReviewFacts, event: Event, other: Event) -> tuple[Edit, ...]:
    """Move the statement of `event` behind the statement of its own block in which `other` happens."""
    own = own_lines(facts, event.node)
    if own is None:
        return ()
    block = next((held for one, held in reversed(way_to(facts, event.node)) if one is own), [])
    for node in (other.node, *reversed(other.frames)):
        for statement, held in way_to(facts, node):
            if held is block and statement is not own:
                return move(own, statement, after=True)
    return ()


def at_the_end(facts: ReviewFacts, block: list[ast.stmt] | None, text: str) -> tuple[Edit, ...]:
    """Put a line behind the last statement of a block."""
    if not block or isinstance(block[-1], ast.Return | ast.Continue | ast.Break | ast.Raise):
        return ()
    return line_after(block[-1], text)


def nn_of(facts: ReviewFacts) -> str:
    """How the source writes `torch.nn`, or "" where it does not."""
    found = re.search(r"\b(torch\.nn|nn)\.\w", facts.words)
    return found[1] if found else ""
