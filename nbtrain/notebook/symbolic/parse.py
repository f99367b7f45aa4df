"""Parse a source that may be broken: what cannot be read is left out and named. Never raises on any text."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from nbtrain.notebook.ipython_syntax import LineScanner

MAX_CHARACTERS = 8_000_000
RETRIES_SMALL, RETRIES_LARGE, LARGE_LINES = 25, 3, 5_000


@dataclass(frozen=True)
class Parsed:
    """The tree of what could be read. `unread`: a sentence for each part that could not."""

    tree: ast.Module
    unread: tuple[str, ...] = ()


def parse(text: str) -> Parsed:
    """Parse `text`, leaving out top-level blocks with syntax errors.

    A file over 8 million characters is read up to there. Null bytes are taken out.
    """
    unread: list[str] = []
    if "\0" in text:
        text = text.replace("\0", "")
        unread.append("The source holds null bytes; they were left out.")
    if len(text) > MAX_CHARACTERS:
        text = text[: text.rfind("\n", 0, MAX_CHARACTERS) + 1]
        unread.append(f"Only the first {MAX_CHARACTERS:,} characters were read: the source is longer.")
    lines = text.split("\n")
    retries = RETRIES_SMALL if len(lines) < LARGE_LINES else RETRIES_LARGE
    for _ in range(retries + 1):
        tree, problem, line = _try("\n".join(lines))
        if tree is not None:
            return Parsed(tree, tuple(unread))
        start, end = _block(lines, line)
        if start is None or not any(text.strip() for text in lines[start:end]):
            break
        shown = f"line {start + 1}" if end - start == 1 else f"lines {start + 1} to {end}"
        unread.append(f"Not read, {shown}: {problem}.")
        lines[start:end] = [""] * (end - start)
    unread.append(f"The rest could not be parsed: {problem}.")
    return Parsed(ast.Module(body=[], type_ignores=[]), tuple(unread))


def _try(text: str) -> tuple[ast.Module | None, str, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # invalid escapes in the person's strings are none of our business
            return ast.parse(text), "", 0
    except SyntaxError as error:
        return None, f"{error.msg} (line {error.lineno})", error.lineno or 1
    except (RecursionError, MemoryError):
        return None, "nested too deeply for Python's parser", _deepest_line(text)
    except ValueError as error:
        return None, str(error), 1


def statements_of(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield every statement below `body`, without walking expressions: they are nine tenths of a tree."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.stmt):
            yield one
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting.extend(getattr(one, name, ()))


def _deepest_line(text: str) -> int:
    """The line with the most brackets or operators: the likely cause of a parser overflow."""
    counts = [sum(line.count(sign) for sign in "([{+-*~") for line in text.split("\n")]
    return counts.index(max(counts)) + 1 if counts else 1


def _block(lines: list[str], line: int) -> tuple[int | None, int]:
    """Return the [start, end) of the top-level block around a 1-based line."""
    starts: list[int] = []
    scanner = LineScanner()
    for index, text in enumerate(lines):
        opens = text[:1].strip() and not text.startswith(
            ("#", ")", "]", "}", "else", "elif", "except", "finally")
        )
        if opens and not scanner.quote:
            starts.append(index)
            scanner.depth = 0  # an unclosed bracket is the likely error: it must not swallow what follows
        scanner.feed(text)
    at = min(max(line - 1, 0), len(lines) - 1)
    before = [start for start in starts if start <= at]
    if not before:
        before = [0] if lines else []
    if not before:
        return None, 0
    start = before[-1]
    end = next((other for other in starts if other > start), len(lines))
    return start, end
