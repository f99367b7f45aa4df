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
    indented like the line `start_line`, put before it or after `end_line`).
    """

    start_line: int
    start_column: int
    end_line: int
    end_column: int
    text: str
    kind: str = "replace"


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


def apply(source: str, edits: Iterable[Edit], *, frozen_lines: frozenset[int] = frozenset()) -> str:
    """Return the source with all edits that do not overlap; those on `frozen_lines` are left out."""
    lines = source.split("\n")
    done: set[Edit] = set()
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
        _replace(lines, edit)
        last = start
        done.add(edit)
    for edit in sorted(
        [one for one in ordered if one.kind in ("before", "after")], key=_insertion_line, reverse=True
    ):
        first = lines[edit.start_line - 1] if edit.start_line <= len(lines) else ""
        indent = first[: len(first) - len(first.lstrip())]
        lines[_insertion_line(edit) : _insertion_line(edit)] = [
            indent + part for part in edit.text.split("\n")
        ]
    return "\n".join(lines)


def _insertion_line(edit: Edit) -> int:
    return edit.start_line - 1 if edit.kind == "before" else edit.end_line


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
