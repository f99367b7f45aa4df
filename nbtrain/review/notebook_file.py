"""The code cells of an .ipynb as one source; a line and a corrected source find back to their cells."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from typing import Any

from nbtrain.notebook.ipython_syntax import to_python

MARK = "# %% cell {}"
MARKED = re.compile(r"^# %% cell (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Cells:
    """`text`: all code cells, one after the other.

    `starts`: (first line, index of the cell in the file) of each; empty for a module.
    `broken`: a cell is no Python; running it fails.
    `marked`: the cells that are Python as they are written, each below a line that names it.
    """

    text: str
    starts: tuple[tuple[int, int], ...]
    caveats: tuple[str, ...] = ()
    broken: bool = False
    marked: str = ""

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
    marked: list[str] = []
    starts: list[tuple[int, int]] = []
    caveats: list[str] = []
    broken = False
    line = 1
    for index, cell in enumerate(cells):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        text = "".join(str(one) for one in source) if isinstance(source, list) else str(source)
        plain = to_python(text)
        problem = f"it is `%%{plain.foreign}`, not Python" if plain.foreign else _problem(plain.text)
        broken = broken or bool(problem and not plain.foreign)
        if not problem and MARKED.search(plain.text):
            problem = "it has a line `# %% cell N`, by which the cells of a correction are told apart"
        if problem:
            caveats.append(f"Cell {index} was not read: {problem}.")
        if not problem:
            marked += [MARK.format(index), _veiled(text)]
        text = "\n" * text.count("\n") if problem else plain.text
        starts.append((line, index))
        parts.append(text)
        line += text.count("\n") + 1
    return Cells("\n".join(parts), tuple(starts), tuple(caveats), broken, "\n".join(marked))


def corrected(document: dict[str, Any], marked: str) -> dict[str, Any]:
    """Return a notebook with its code cells as `marked` has them; everything else is as it was.

    Outputs of a cell that changed stay: they are of the code as it ran.
    """
    found = list(MARKED.finditer(marked))
    ends = [one.start() - 1 for one in found[1:]] + [len(marked)]
    texts = {int(one[1]): marked[one.end() + 1 : end] for one, end in zip(found, ends, strict=True)}
    cells = list(document["cells"])
    for index, text in texts.items():
        was = cells[index].get("source", "")
        written = "".join(map(str, was)) if isinstance(was, list) else str(was)
        if written.lstrip().startswith("%%"):
            text = text.replace("#%%", "%%", 1)
        if text != written:
            source = text.splitlines(keepends=True) if isinstance(was, list) else text
            cells[index] = {**cells[index], "source": source}
    return {**document, "cells": cells}


def _veiled(text: str) -> str:
    """A cell whose magic is a comment: `%%time` is read only at the top of what is read."""
    return re.sub(r"\A(\s*)(?=%%)", r"\1#", text)


def decoded(content: bytes) -> tuple[str, tuple[str, ...]]:
    """Return a file's text by the encoding that it declares (UTF-8 without one), and what could not be
    decoded."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    except (SyntaxError, LookupError):
        encoding = "utf-8"
    try:
        return content.decode(encoding).removeprefix("\ufeff").replace("\r\n", "\n"), ()
    except (UnicodeDecodeError, LookupError):
        text = content.decode("utf-8", errors="replace").removeprefix("\ufeff").replace("\r\n", "\n")
        line = text[: text.find("\ufffd")].count("\n") + 1
        return text, (f"Line {line} holds bytes that are not UTF-8; they were read as unknown characters.",)


def _problem(text: str) -> str:
    try:
        ast.parse(text.replace("\0", ""))
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno})"
    except (RecursionError, MemoryError, ValueError):
        return "it is nested too deeply for Python's parser"
    return ""
