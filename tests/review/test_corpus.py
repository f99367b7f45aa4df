"""The review on whole scripts: what it finds of planted faults, and that it leaves correct code alone."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[1] / "corpus" / "score.py"


def _score() -> ModuleType:
    spec = importlib.util.spec_from_file_location("corpus_score", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["corpus_score"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def total():
    module = _score()
    return module.score(module.scripts())


def test_the_corpus_has_both_kinds_of_scripts(total) -> None:
    """At least sixty scripts, thirty of them correct, and faults for at least forty rules in the others."""
    assert total.correct >= 30
    assert len({name for name, _ in [*total.found, *total.missed]}) >= 30
    assert len({rule for _, rule in [*total.found, *total.missed]}) >= 40


def test_nothing_critical_is_said_of_correct_code(total) -> None:
    """No correct script, in whatever style, gets a critical finding."""
    assert total.critical_on_correct == []


def test_correct_code_is_almost_never_warned_of(total) -> None:
    """At least 95 % of the correct scripts get no warning."""
    assert total.untouched >= 0.95, sorted(total.warned_correct)


def test_planted_faults_are_found(total) -> None:
    """At least 95 % of the planted faults are named by their rule."""
    assert total.recall >= 0.95, total.missed


def test_what_is_said_is_so(total) -> None:
    """At least 97 % of the findings, notes aside, are faults that were planted."""
    assert total.precision >= 0.97, total.extra


def test_no_rule_fails_on_the_corpus(total) -> None:
    """No rule raises on any of the scripts."""
    assert total.caveats == []


def test_scripts_that_were_kept_aside_score_alike() -> None:
    """The third that was not looked at while the rules were written reaches the same goals."""
    module = _score()
    aside = module.score([one for one in module.scripts() if one.aside])

    assert aside.critical_on_correct == []
    assert aside.recall >= 0.95, aside.missed
