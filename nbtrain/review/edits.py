"""Change a source at exact places and leave every other character as it is."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Edit:
    """Replace what stands between two places with `text`.

    Lines are 1-based, columns count UTF-8 bytes, as in `ast`.

    `kind`: replace; keyword (add an argument to the call that ends there); before or after (whole lines,
    indented like the line `start_line`, put before it or after `end_line`); wrap (a line above, and the lines
    one level deeper); move-before or move-after (the whole lines, to the line `target`, indented like it or
    like `level`, a line of the block that they go to).
    """

    start_line: int
    start_column: int
    end_line: int
    end_column: int
    text: str
    kind: str = "replace"
    target: int = 0
    level: int = 0


def _place(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def replace_node(node: ast.expr | None, text: str) -> tuple[Edit, ...]:
    """Replace an expression."""
    return (Edit(*_place(node), text),) if hasattr(node, "lineno") else ()


def add_keyword(call: ast.AST | None, text: str) -> tuple[Edit, ...]:
    """Add `name=value` to a call."""
    return (Edit(*_place(call), text, "keyword"),) if isinstance(call, ast.Call) else ()


def line_before(node: ast.AST | None, text: str) -> tuple[Edit, ...]:
    """Put a line before the one where `node` begins."""
    return (Edit(*_place(node), text, "before"),) if hasattr(node, "lineno") else ()


def line_after(node: ast.AST | None, text: str) -> tuple[Edit, ...]:
    """Put a line after the one where `node` ends."""
    return (Edit(*_place(node), text, "after"),) if hasattr(node, "lineno") else ()


def around(node: ast.expr | None, before: str, after: str) -> tuple[Edit, ...]:
    """Put text before and behind an expression, which stays as it is written."""
    if node is None or not hasattr(node, "lineno"):
        return ()
    line, column, end, end_column = _place(node)
    return (Edit(line, column, line, column, before), Edit(end, end_column, end, end_column, after))


def keep_part(node: ast.expr, part: ast.expr) -> tuple[Edit, ...]:
    """Leave of an expression only one that stands in it, as it is written."""
    line, column, end, end_column = _place(node)
    first, first_column, last, last_column = _place(part)
    plain = isinstance(part, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    return (
        Edit(line, column, first, first_column, "" if plain else "("),
        Edit(last, last_column, end, end_column, "" if plain else ")"),
    )


def wrap(node: ast.AST | None, text: str) -> tuple[Edit, ...]:
    """Put the lines of a statement below `text`, one level deeper."""
    if not hasattr(node, "lineno"):
        return ()
    for one in ast.walk(node):  # type: ignore[arg-type]
        text_there = isinstance(one, ast.Constant) and isinstance(one.value, str)
        long_text = text_there or isinstance(one, ast.JoinedStr)
        if long_text and one.lineno != one.end_lineno:  # type: ignore[attr-defined]
            return ()  # deeper lines would change what it says
    return (Edit(*_place(node), text, "wrap"),)


def move(node: ast.stmt, target: ast.stmt, *, after: bool) -> tuple[Edit, ...]:
    """Move the lines of a statement before or behind those of another."""
    line = (target.end_lineno or target.lineno) if after else target.lineno
    kind = "move-after" if after else "move-before"
    return (Edit(*_place(node), "", kind, line, target.lineno),)


def apply(source: str, edits: Iterable[Edit], *, frozen_lines: frozenset[int] = frozenset()) -> str:
    """Return the source with all edits that do not overlap; those on `frozen_lines` are left out."""
    lines = source.split("\n")
    ordered = sorted(set(edits), key=lambda one: (one.end_line, one.end_column), reverse=True)
    last: tuple[int, int] = (len(lines) + 1, 0)
    for edit in [one for one in ordered if one.kind in ("replace", "keyword")]:
        touched = range(edit.start_line, edit.end_line + 1)
        start = (
            (edit.end_line, edit.end_column - 1)
            if edit.kind == "keyword"
            else (edit.start_line, edit.start_column)
        )
        if (edit.end_line, edit.end_column) > last or any(
            line in frozen_lines or line > len(lines) for line in touched
        ):
            continue
        inside = lines[edit.start_line - 1 : edit.end_line - 1]
        if edit.kind == "replace" and any("#" in line for line in inside):
            continue  # a comment would go: it is left to the person
        _replace(lines, edit)
        last = start
    return "\n".join(_arranged(lines, ordered, frozen_lines))


def _arranged(lines: list[str], edits: list[Edit], frozen_lines: frozenset[int]) -> list[str]:
    """Insert, move and indent whole lines. Line numbers are those of `lines`."""
    before: dict[int, list[str]] = {}
    after: dict[int, list[str]] = {}
    gone: set[int] = set()
    for edit in edits:
        if edit.end_line > len(lines) or edit.target > len(lines):
            continue
        own = range(edit.start_line, edit.end_line + 1)
        if edit.kind in ("before", "after"):
            parts = [_indent(lines[edit.start_line - 1]) + part for part in edit.text.split("\n")]
            place, line = (before, edit.start_line) if edit.kind == "before" else (after, edit.end_line)
            place[line] = parts + place.get(line, [])
        elif edit.kind.startswith("move") and not (gone & {*own, edit.target} or frozen_lines & set(own)):
            gone |= set(own)
            place = before if edit.kind == "move-before" else after
            place[edit.target] = _moved(lines, edit) + place.get(edit.target, [])
    wraps = [edit for edit in edits if edit.kind == "wrap" and not frozen_lines & _lines_of(edit)]
    return _written(lines, before, after, gone, wraps)


def _written(
    lines: list[str], before: dict[int, list[str]], after: dict[int, list[str]], gone: set[int],
    wraps: list[Edit],
) -> list[str]:  # fmt: skip
    written: list[str] = []
    depth = 0
    step = "\t" if any(line.startswith("\t") for line in lines) else "    "
    for at, line in enumerate(lines, 1):
        opened = [one for one in wraps if one.start_line == at]
        written += [_deeper(part, step * depth) for part in before.get(at, ())]
        for one in opened:
            written.append(_deeper(_indent(line) + one.text, step * depth))
            depth += 1
        written += [] if at in gone else [_deeper(line, step * depth)]
        closed = sum(one.end_line == at for one in wraps)
        depth -= closed
        written += [_deeper(part, step * depth) for part in after.get(at, ())]
    return written


def _moved(lines: list[str], edit: Edit) -> list[str]:
    """The lines of a moved statement, indented like the block that they go to."""
    old, new = _indent(lines[edit.start_line - 1]), _indent(lines[edit.level - 1])
    own = lines[edit.start_line - 1 : edit.end_line]
    return [new + line.removeprefix(old) if line.strip() else line for line in own]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _deeper(line: str, indent: str) -> str:
    return indent + line if line.strip() else line


def _lines_of(edit: Edit) -> set[int]:
    return set(range(edit.start_line, edit.end_line + 1))


def _replace(lines: list[str], edit: Edit) -> None:
    """Change the lines in place, keeping their number: new text goes where the old one began."""
    if edit.kind == "keyword":
        line = lines[edit.end_line - 1].encode()
        head = line[: edit.end_column - 1].decode()
        before = head.rstrip() or next(
            (one.split("#")[0].rstrip() for one in reversed(lines[: edit.end_line - 1]) if one.strip()), ""
        )
        comma = "" if before.endswith((",", "(")) else ", "
        if before.endswith(",") and head.strip():
            comma = " "
        lines[edit.end_line - 1] = head + comma + edit.text + line[edit.end_column - 1 :].decode()
        return
    first, last = lines[edit.start_line - 1].encode(), lines[edit.end_line - 1].encode()
    joined = first[: edit.start_column].decode() + edit.text + last[edit.end_column :].decode()
    lines[edit.start_line - 1 : edit.end_line] = [joined] + [""] * (edit.end_line - edit.start_line)
