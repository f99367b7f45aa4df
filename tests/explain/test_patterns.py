"""The error patterns: one contract, errors raised for real, recorded texts, none taken for another."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples.raised import RAISED
from samples.recorded import RECORDED
from samples.unrelated import UNRELATED

from nbtrain.explain import all_patterns, explain_exception, explain_text
from nbtrain.explain.living import read_exception
from nbtrain.explain.matching import decide, matches
from nbtrain.explain.pattern import ID, SECTIONS, Pattern
from nbtrain.explain.reading import read_text

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = [pytest.param(pattern, id=pattern.id) for pattern in all_patterns()]
CELLS, TEXTS = (
    [
        pytest.param(name, one, id=f"{name}-{at}")
        for name, all_of in samples.items()
        for at, one in enumerate(all_of)
    ]
    for samples in (RAISED, RECORDED)
)


def claimed(raised: Any) -> list[str]:
    """Return the patterns that claim the part of an exception that decides."""
    decided = decide(raised)
    return [] if decided is None else [pattern.id for pattern, _ in matches(decided[0])]


def test_the_promised_subjects_are_there() -> None:
    """There are at least 45 patterns, each id once, and every one has a sample."""
    ids = [pattern.id for pattern in all_patterns()]

    assert len(ids) >= 45
    assert len(set(ids)) == len(ids)
    assert set(ids) == RAISED.keys() | RECORDED.keys()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_documents_itself(pattern: Pattern) -> None:
    """Every pattern has a kebab-case id, a title, all sections, and an example that it alone knows."""
    example = pattern.section("Example").split("\n", 1)[1].rpartition("\n```")[0]
    read = read_text(example, lambda part: decide(part) is not None)

    assert ID.fullmatch(pattern.id)
    assert pattern.title.endswith(".") and len(pattern.title) < 100
    assert all(len(pattern.section(name)) > 3 for name in SECTIONS)
    assert claimed(read) == ([pattern.id] if pattern.texts else claimed(read))


@pytest.mark.parametrize(("name", "cell"), CELLS)
def test_an_error_raised_for_real_is_known(name: str, cell: str, fails: Callable[..., Any]) -> None:
    """A real error has exactly its own pattern, with its frames and from Python's traceback as text."""
    failed = fails(cell)
    live = explain_exception(failed.error, names=failed.names)
    read = explain_text(failed.text)

    assert (live.pattern, read.pattern) == (name, name)
    assert claimed(read_exception(failed.error, failed.names)) == [name]
    assert live.what and live.why and live.fix and live.where
    assert read.what and read.where


@pytest.mark.parametrize(("name", "text"), TEXTS)
def test_a_recorded_message_is_known(name: str, text: str) -> None:
    """A message that was seen elsewhere has exactly its own pattern among all."""
    read = read_text(text, lambda part: decide(part) is not None)

    assert claimed(read) == [name]
    assert explain_text(text).what


@pytest.mark.parametrize("cell", UNRELATED)
def test_no_pattern_claims_an_unrelated_error(cell: str, fails: Callable[..., Any]) -> None:
    """Errors of the person's own and of other libraries are unknown, and the person's line is named."""
    failed = fails(cell)
    live, read = explain_exception(failed.error, names=failed.names), explain_text(failed.text)

    assert (live.pattern, read.pattern) == (None, None)
    assert live.where is not None and live.where in live.what
    assert not live.code and not live.why
    assert type(failed.error).__name__ in live.title


def test_the_page_of_errors_shows_every_pattern() -> None:
    """docs/errors.md is what the patterns say of themselves; the failure names what writes it."""
    command = [sys.executable, "docs/errors.py", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert result.returncode == 0, result.stdout + result.stderr
