"""Epochs of a loop without a DataLoader, or with passes broken off: read off the loops around a step.

The epoch's loop is the one whose variable is called so (`for epoch in ...`, `while epoch < 10`); else, of
exactly two loops around a step, the outer one. An epoch ends when its variable has changed.
"""

from __future__ import annotations

import ast
import linecache
import re
import sys
from collections.abc import Iterable
from types import CodeType, FrameType
from typing import Any

from nbtrain.watch.people import frames, locals_of

EPOCH_WORDS = re.compile(r"(?:i_|n_|cur_|current_)?(?:epochs?|ep)(?:_\w+)?|\w+_epoch|e")
RARELY = 32  # where no such loop was found, it is looked for at one step of so many
_UNSET = object()


class LoopEpochs:
    """Tell when the next epoch has begun."""

    def __init__(self) -> None:
        self._code: CodeType | None = None  # whose loop it is
        self._names: dict[int, str] = {}  # line of that code -> the loop's variable
        self._last: Any = _UNSET
        self._wait = 0
        self.seen = False

    def moved_on(self) -> bool:
        """Say whether the epoch is another one than at the last look; called from within the loop."""
        if self._wait:
            self._wait -= 1
            return False
        frame = self._frame()
        if frame is None:
            self._wait = RARELY
            return False
        self.seen = True
        with locals_of(frame) as variables:
            value = variables.get(self._names[frame.f_lineno])
        value = value if isinstance(value, (int, float, str)) else id(value)
        before, self._last = self._last, value
        return before is not _UNSET and before != value

    def _frame(self) -> FrameType | None:
        """The frame with the epoch's loop, found again by its code; None where there is no such loop."""
        frame: FrameType | None = sys._getframe(2)
        code, names = self._code, self._names
        while code is not None and frame is not None:
            if frame.f_code is code and frame.f_lineno in names:
                return frame
            frame = frame.f_back
        around = list(frames())
        depth, name = _epoch_loop([(frame.f_code, frame.f_lineno) for frame in around])
        if not name:
            return None
        frame = around[depth]
        if frame.f_code is not code:
            self._code, self._names = frame.f_code, {}
        self._names[frame.f_lineno] = name
        return frame


def variables_around(places: Iterable[tuple[CodeType, int]]) -> frozenset[str]:
    """Return the variables of the `for` loops around lines: they are another thing each time round."""
    targets = [getattr(node, "target", None) for place in places for node in _loops_around(*place)]
    names = [part for target in targets if target is not None for part in ast.walk(target)]
    return frozenset(part.id for part in names if isinstance(part, ast.Name))


def _epoch_loop(places: list[tuple[CodeType, int]]) -> tuple[int, str]:
    """Frames out from the step, and the variable of the epoch's loop there; (0, "") where there is none."""
    loops = [
        (depth, node) for depth, place in enumerate(places) for node in reversed(_loops_around(*place))
    ]  # innermost first
    named = [(depth, name) for depth, node in loops if (name := _named(node))]
    epochs = [found for found in named if EPOCH_WORDS.fullmatch(found[1].lower())]
    if epochs:
        return epochs[0]
    if len(loops) == 2 and (name := _named(loops[1][1])):
        return loops[1][0], name
    return 0, ""


def _named(node: ast.AST) -> str:
    """The variable of a `for`, the first of several; of a `while`, one of its condition that is called so."""
    if isinstance(node, ast.While):
        names = [part.id for part in ast.walk(node.test) if isinstance(part, ast.Name)]
        return next((name for name in names if EPOCH_WORDS.fullmatch(name.lower())), "")
    target = getattr(node, "target", None)
    if isinstance(target, (ast.Tuple, ast.List)) and target.elts:
        target = target.elts[0]
    return target.id if isinstance(target, ast.Name) else ""


def _loops_around(code: CodeType, line: int) -> list[ast.AST]:
    """Return the loops of a code object that surround a line, outermost first."""
    found: list[ast.AST] = []
    node: ast.AST | None = _tree_of(code.co_filename)
    while node is not None:
        inside = (child for child in ast.iter_child_nodes(node) if hasattr(child, "lineno"))
        node = next((child for child in inside if child.lineno <= line <= (child.end_lineno or 0)), None)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            found.append(node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            found.clear()  # what surrounds a definition does not surround its calls
    return found


_trees: dict[tuple[str, int], ast.AST | None] = {}


def _tree_of(file: str) -> ast.AST | None:
    lines = linecache.getlines(file)
    key = file, len(lines)
    if key not in _trees:
        try:
            _trees[key] = ast.parse("".join(lines))
        except (SyntaxError, ValueError):
            _trees[key] = None
    return _trees[key]
