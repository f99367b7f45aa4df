"""Read an exception that is at hand: its chain and its groups, with the frames they went through."""

from __future__ import annotations

import linecache
import os
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from nbtrain.explain.raised import Place, Raised
from nbtrain.explain.reading import places_in, read_text
from nbtrain.explain.sight import Sight

_DEEPEST = 50  # exceptions of a chain


def read_exception(
    error: BaseException, names: Mapping[str, Any], cell_of: Callable[[str], str] | None = None
) -> Raised:
    """Return an exception as the patterns see it.

    Args:
        names: the notebook's variables. cell_of: file -> what a person calls that cell, "" for a real file.
    """
    return _read(error, names, cell_of or (lambda file: ""), set())


def _read(
    error: BaseException, names: Mapping[str, Any], cell_of: Callable[[str], str], seen: set[int]
) -> Raised:
    seen.add(id(error))
    text = _text(error)
    frames = list(traceback.walk_tb(error.__traceback__))
    places = [_place(frame, line, cell_of) for frame, line in frames]
    if isinstance(error, SyntaxError) and error.filename:
        file = cell_of(error.filename) or _near(error.filename)
        places.append(Place(file, error.lineno or 0, "", (error.text or "").strip()))
    kinds = frozenset(
        name for one in type(error).__mro__ for name in (one.__name__, f"{one.__module__}.{one.__name__}")
    )
    sight = Sight(frames, names, places) if frames else None

    def read(other: BaseException | None) -> Raised | None:
        fit = other is not None and id(other) not in seen and len(seen) < _DEEPEST
        return _read(other, names, cell_of, seen) if fit else None

    cause = read(error.__cause__)
    told = read_text(text, lambda part: False) if "Traceback (most recent call last)" in text else None
    members = tuple(
        part for one in getattr(error, "exceptions", ()) if isinstance(one, BaseException)
        and (part := read(one)) is not None
    ) if "BaseExceptionGroup" in kinds else ()  # fmt: skip
    return Raised(
        type(error).__name__, text, (*places, *places_in(text)), kinds, cause=cause or told,
        context=None if error.__suppress_context__ else read(error.__context__), members=members, sight=sight,
    )  # fmt: skip


def _text(error: BaseException) -> str:
    try:
        if isinstance(error, SyntaxError):
            return str(error.msg)
        return str(error)
    except Exception as failed:  # a __str__ of the person's own
        return f"(its text cannot be had: {type(failed).__name__})"


def _place(frame: Any, line: int, cell_of: Callable[[str], str]) -> Place:
    file = frame.f_code.co_filename
    code = linecache.getline(file, line, frame.f_globals).strip()
    name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
    function = "" if frame.f_code.co_name == "<module>" else name
    return Place(cell_of(file) or _near(file), line, function, code)


def _near(file: str) -> str:
    """Return a path as short as it can be said from here."""
    try:
        short = os.path.relpath(file)
    except ValueError:  # another drive
        return file
    return file if short.startswith("..") or file.startswith("<") else short
