"""Turn a notebook cell into plain Python of the same line numbers: magics, `!`, `?`, `%%`.

Runs and imports nothing.
"""

# ruff: noqa: SIM905 - long tables of names read best as words
from __future__ import annotations

import ast
import re
from dataclasses import dataclass

# Cell magics whose body is Python that runs in this kernel.
# Any other `%%x` cell holds another language or a file.
PYTHON_CELL_MAGICS = frozenset(
    "train train_review time timeit capture prun python python3 debug memray_flamegraph wandb mprun".split()
)
STATEMENT_MAGICS = frozenset("time timeit prun memit mprun lprun".split())
ASSIGNED = re.compile(r"^(\s*)([A-Za-z_][\w.,\s\[\]'\"]*?)\s*=\s*([%!])(?!=)(.*)$")


@dataclass(frozen=True)
class PlainSource:
    """A cell as Python.

    Attributes:
        text: Python with as many lines as the cell.
        magics: (line, text) of each magic or shell line.
        altered: 1-based lines that differ from the cell's.
        foreign: name of the `%%magic` when the cell is not Python, else "".
    """

    text: str
    magics: tuple[tuple[int, str], ...] = ()
    altered: frozenset[int] = frozenset()
    foreign: str = ""


def to_python(cell: str) -> PlainSource:
    """Return the cell as Python text that keeps every line where it was."""
    lines = cell.split("\n")
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    magics: list[tuple[int, str]] = []
    altered: set[int] = set()
    while lines and first < len(lines) and lines[first].startswith("%%"):
        words = lines[first][2:].split()
        magic = words[0] if words else ""
        magics.append((first + 1, lines[first].strip()))
        if magic not in PYTHON_CELL_MAGICS:
            return PlainSource(
                "\n" * (len(lines) - 1), tuple(magics), frozenset(range(1, len(lines) + 1)), magic or "%%"
            )
        lines[first] = ""
        altered.add(first + 1)
        first = next((index for index in range(first, len(lines)) if lines[index].strip()), len(lines))
    text = "\n".join(lines)
    if not _has_magic_signs(text) or _parses(text):
        return PlainSource(text, tuple(magics), frozenset(altered))
    scanner = LineScanner()
    index = 0
    while index < len(lines):
        line = lines[index]
        plain = _plain_line(line) if scanner.at_statement else None
        if plain is None:
            scanner.feed(line)
            index += 1
            continue
        magics.append((index + 1, line.strip()))
        lines[index] = plain
        altered.add(index + 1)
        while line.endswith("\\") and index + 1 < len(lines):
            index += 1
            line, lines[index] = lines[index], ""
            altered.add(index + 1)
        index += 1
    return PlainSource("\n".join(lines), tuple(magics), frozenset(altered))


def _has_magic_signs(text: str) -> bool:
    return any(sign in text for sign in "%!?")


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _plain_line(line: str) -> str | None:
    """Return the Python that stands for a line with IPython syntax, or None when the line has none."""
    body = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if not body or body.startswith("#"):
        return None
    if body[0] == "%":
        name, _, rest = body.lstrip("%").partition(" ")
        if name in STATEMENT_MAGICS and rest and not rest.startswith("-") and _parses(rest):
            return indent + rest
        return indent + "pass"
    if body[0] in "!?" or (body.endswith("?") and re.fullmatch(r"[\w.%]+\?{1,2}", body)):
        return indent + "pass"
    if match := ASSIGNED.match(line):
        return f"{match[1]}{match[2]} = __shell_output__"
    return None


class LineScanner:
    """Follow brackets and quotes line by line, to know where a statement may begin."""

    def __init__(self) -> None:
        self.depth = 0
        self.quote = ""
        self.continued = False

    @property
    def at_statement(self) -> bool:
        return self.depth <= 0 and not self.quote and not self.continued

    def feed(self, line: str) -> None:
        """Read one line."""
        index = 0
        while index < len(line):
            sign = line[index]
            if self.quote:
                if sign == "\\":
                    index += 2
                    continue
                if line.startswith(self.quote, index):
                    index += len(self.quote)
                    self.quote = ""
                    continue
            elif sign == "#":
                break
            elif sign in "'\"":
                self.quote = sign * 3 if line.startswith(sign * 3, index) else sign
                index += len(self.quote)
                continue
            elif sign in "([{":
                self.depth += 1
            elif sign in ")]}":
                self.depth = max(0, self.depth - 1)
            index += 1
        self.continued = line.endswith("\\")
        if len(self.quote) == 1 and not self.continued:
            self.quote = (
                ""  # an unclosed one-line quote is a syntax error of the person; do not swallow the rest
            )
