"""Which cells of a notebook made given variables, and what those needed in turn. Reads text, runs nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nbtrain.notebook.ipython_syntax import to_python

HEAD = (
    '"""The cells of the notebook that made what this run trains, as they were run, in their order.\n\n'
    'Lines of IPython (%, !) are comments here.\n"""\n'
)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CHANGES_NOTHING = frozenset(["eval", "train", "parameters", "state_dict", "summary", "step"])
_BASE = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Cell:
    """A cell that was run. `number`: of its execution, as in `In [3]`. `source`: its text."""

    number: int
    source: str


@dataclass
class _Read:
    """What a cell does with names: `binds` them, `changes` what they hold, `uses` those of other cells."""

    cell: Cell
    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)


def cells_behind(names: Iterable[str], cells: Sequence[Cell], *, also: Cell | None = None) -> str:
    """Return the text of the cells that made variables, each under its number; "" where none is known.

    Of cells that were run several times the last run before it was needed counts. What a cell used is
    followed to the cells that made that: classes, functions, imports.

    Args:
        names: variables, and ways that begin with one (`trainer.model`).
        cells: what was run so far, oldest first; cells that failed are among them.
        also: a cell that belongs to them itself, with all that it uses.
    """
    read = [found for cell in cells if (found := _read(cell)) is not None]
    wanted = {match[0] for name in names if (match := _BASE.match(name))}
    chosen: set[int] = set()
    waiting = [(name, len(read)) for name in wanted]
    if also is not None and (own := _read(also)) is not None:
        waiting += [(name, len(read)) for name in own.uses]
    done: set[tuple[str, int]] = set()
    while waiting:
        name, before = waiting.pop()
        at = _bound_at(name, read, before)
        if at is None or (name, at) in done:
            continue
        done.add((name, at))
        changed = {i for i in range(at + 1, before) if name in wanted and name in read[i].changes}
        for place in {at, *changed} - chosen:
            chosen.add(place)
            waiting += [(used, place) for used in read[place].uses]
    texts = [_shown(read[place].cell) for place in sorted(chosen)]
    if also is not None and all(read[place].cell != also for place in chosen):
        texts.append(_shown(also))
    return "\n\n".join([HEAD, *texts]) + "\n" if texts else ""


def _bound_at(name: str, read: list[_Read], before: int) -> int | None:
    """The last cell that binds a name before a place, else the first after it, as a function's globals may.
    """
    earlier = [place for place in range(before) if name in read[place].binds]
    later = [place for place in range(before, len(read)) if name in read[place].binds]
    return earlier[-1] if earlier else later[0] if later else None


def _read(cell: Cell) -> _Read | None:
    plain = to_python(cell.source)
    if plain.foreign:
        return None
    try:
        tree = ast.parse(plain.text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None  # it cannot have run
    found, later = _Read(cell), set()
    for statement in tree.body:
        loaded = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and _is_load(node)}
        if isinstance(statement, _DEFINITIONS):  # its body runs when it is called, and binds nothing here
            found.binds.add(statement.name)
            later |= loaded
            continue
        before = set(found.binds)
        for node in ast.walk(statement):
            _note(node, found)
        simple = isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr))
        found.uses |= loaded - (before if simple else found.binds)
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            found.uses |= {statement.target.id} - before
    found.uses |= later - found.binds
    return found


def _note(node: ast.AST, found: _Read) -> None:
    if isinstance(node, ast.Name) and not _is_load(node):
        found.binds.add(node.id)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        found.binds |= {(one.asname or one.name).split(".")[0] for one in node.names}
    elif isinstance(node, (ast.Attribute, ast.Subscript)) and not _is_load(node):
        _change(node, found)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = node.value.func
        if isinstance(called, ast.Attribute) and called.attr not in _CHANGES_NOTHING:
            _change(called, found)


def _change(node: ast.AST, found: _Read) -> None:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    if isinstance(node, ast.Name):
        found.changes.add(node.id)


def _is_load(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Load)


def _shown(cell: Cell) -> str:
    """Return a cell as Python under its number, with IPython's own lines as comments."""
    plain = to_python(cell.source)
    lines = cell.source.rstrip().split("\n")
    said = [f"# {line}" if at in plain.altered and line.strip() else line for at, line in enumerate(lines, 1)]
    return "\n".join([f"# %% In [{cell.number}]", *said])
