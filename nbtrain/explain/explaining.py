"""Explain an exception or the text of one; what no pattern knows is called unknown, nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nbtrain.explain.living import read_exception
from nbtrain.explain.matching import decide
from nbtrain.explain.raised import Raised
from nbtrain.explain.reading import read_text
from nbtrain.report.explanation import Explanation, MemoryNeed

Memory = MemoryNeed | Callable[[], MemoryNeed | None] | None
NO_ERROR = "There is no error in this text"


def explain_exception(
    error: BaseException, *, names: Mapping[str, Any] | None = None, memory: Memory = None,
    cell_of: Callable[[str], str] | None = None,
) -> Explanation:  # fmt: skip
    """Explain an exception, with what its frames hold. Holds none of them afterwards.

    Args:
        names: the notebook's variables, in which models are looked for.
        memory: said where memory was short, or a function that is asked for it only then.
        cell_of: file of a frame -> what a person calls that cell, "" for a real file.
    """
    return _explained(read_exception(error, names or {}, cell_of), memory)


def explain_text(text: str, *, memory: Memory = None) -> Explanation:
    """Explain a traceback as text: Python's or IPython's, with or without colours, or a message alone."""
    raised = read_text(text, lambda part: decide(part) is not None)
    if raised is None:
        return Explanation(
            None, NO_ERROR,
            what="No traceback and no message of an exception was found: there is nothing to explain.",
            fix="Pass the whole output of the failed cell, with its last line.",
        )  # fmt: skip
    return _explained(raised, memory)


def _explained(raised: Raised, memory: Memory) -> Explanation:
    decided = decide(raised)
    if decided is None:
        return _unknown(next(raised.decisive()), raised)
    part, pattern, match = decided
    said = pattern.said(part, match)
    need = None
    if pattern.short_of_memory:
        need = memory() if callable(memory) else memory
    place, module, values = part.place or raised.place, "", ()
    if part.sight is not None:
        try:
            module, values = part.sight.module_path, part.sight.values
        except Exception:
            module, values = "", ()  # objects of the person's own may refuse to be looked at
    return Explanation(
        pattern.id, pattern.title, said.what, said.why, said.fix, str(place) if place else None, said.code,
        part.line, module, values, need,
    )  # fmt: skip


def _unknown(part: Raised, raised: Raised) -> Explanation:
    place = part.place or raised.place
    where = f" The innermost line of your code is {place}." if place else ""
    return Explanation(
        None, part.line or "An error without a message",
        what=f"This error is not among those that nbtrain knows.{where}",
        fix="" if place is None else "Look at that line and at the message above.",
        where=str(place) if place else None, error=part.line,
    )  # fmt: skip
