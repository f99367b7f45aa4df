"""Which pattern knows an exception."""

from __future__ import annotations

import re
from functools import cache

from nbtrain.explain import patterns
from nbtrain.explain.pattern import Pattern, problem_with
from nbtrain.explain.raised import Raised
from nbtrain.registry import units_of


@cache
def all_patterns() -> tuple[Pattern, ...]:
    """Return every pattern, found by walking `nbtrain.explain.patterns`. Imports no torch."""
    return tuple(units_of(patterns, "PATTERN", problem_with))


def pattern_named(word: str) -> Pattern | None:
    """Return the pattern with that id; underscores are accepted. None when there is none."""
    wanted = word.strip().lower().replace("_", "-")
    return next((one for one in all_patterns() if one.id == wanted), None)


def matches(raised: Raised) -> list[tuple[Pattern, re.Match[str]]]:
    """Return every pattern that knows this exception; one where the patterns are told apart well."""
    found = ((pattern, pattern.match(raised)) for pattern in all_patterns())
    return [(pattern, match) for pattern, match in found if match is not None]


def decide(raised: Raised) -> tuple[Raised, Pattern, re.Match[str]] | None:
    """Return the part of an exception that a pattern knows, the most telling first; None where none does."""
    found = [
        (part, pattern, match) for part in raised.decisive() for pattern, match in matches(part)[:1]
    ]  # fmt: skip
    above = (one for one in found if one[1].over_cause)
    return next(above, found[0] if found else None)
