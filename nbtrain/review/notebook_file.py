"""The code cells of an .ipynb as one source, and the way back from a line to its cell."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from nbtrain.notebook.ipython_syntax import to_python


@dataclass(frozen=True)
class Cells:
    """`text`: all code cells, one after the other.

    `starts`: (first line, index of the cell in the file) of each.
    """

    text: str
    starts: tuple[tuple[int, int], ...]
    caveats: tuple[str, ...] = ()

    def place(self, line: int | None) -> tuple[int | None, int | None]:
        """Return (cell, line within it), the cell counted from 0 over all cells of the file."""
        if line is None:
            return None, None
        before = [start for start in self.starts if start[0] <= line]
        return (before[-1][1], line - before[-1][0] + 1) if before else (None, line)


def read_cells(document: Any) -> Cells:
    """Return the code cells of a parsed notebook file.

    Raises:
        ValueError: the document has no list of cells.
    """
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        raise ValueError("it has no list of cells")
    parts: list[str] = []
    starts: list[tuple[int, int]] = []
    caveats: list[str] = []
    line = 1
    for index, cell in enumerate(cells):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        text = "".join(str(one) for one in source) if isinstance(source, list) else str(source)
        plain = to_python(text)
        problem = f"it is `%%{plain.foreign}`, not Python" if plain.foreign else _problem(plain.text)
        if problem:
            caveats.append(f"Cell {index} was not read: {problem}.")
        text = "\n" * text.count("\n") if problem else plain.text
        starts.append((line, index))
        parts.append(text)
        line += text.count("\n") + 1
    return Cells("\n".join(parts), tuple(starts), tuple(caveats))


def _problem(text: str) -> str:
    try:
        ast.parse(text.replace("\0", ""))
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno})"
    except (RecursionError, MemoryError, ValueError):
        return "it is nested too deeply for Python's parser"
    return ""
