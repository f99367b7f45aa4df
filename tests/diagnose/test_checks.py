"""The contract of all checks: whole, documented, each with a page, and right on its cases on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nbtrain.diagnose.check import LEVELS, SECTIONS
from nbtrain.diagnose.diagnosis import Diagnosis, diagnose_history
from nbtrain.diagnose.document import TITLES
from nbtrain.diagnose.engine import CAUSES, ORDER, all_checks
from nbtrain.diagnose.knowledge import page_of
from nbtrain.diagnose.reader import read_history
from nbtrain.findings import Confidence, Severity

CASES = Path(__file__).resolve().parents[1] / "cases" / "diagnose"
IDS = [check.id for check in all_checks()]
FILES = sorted(path for path in CASES.glob("*/*") if path.suffix == ".json" or path.is_dir())
ONLY_SAID = {"loss-spikes"}  # never more than a possibility


def diagnosis(path: Path) -> Diagnosis:
    return diagnose_history(read_history(path))


def test_every_check_has_its_place_its_title_and_its_words() -> None:
    """The order, the titles and the causes name exactly the checks there are."""
    assert set(IDS) == set(ORDER) == set(TITLES)
    assert {*CAUSES, *(cause for causes in CAUSES.values() for cause in causes)} <= set(IDS)


@pytest.mark.parametrize("check", all_checks(), ids=IDS)
def test_a_check_is_documented_and_has_a_page_and_cases(check: object) -> None:
    """Each check says what it does, why it hurts, what to do and when to ignore it; has a page and cases."""
    for section in SECTIONS:
        body = check.documentation.split(f"\n{section}\n")[1].split("\n\n")[0]
        assert len(body.split()) >= 5, section
    assert page_of(check.id) is not None
    kinds = {path.name.partition("-")[0] for path in (CASES / check.id).iterdir()}
    assert kinds == {"bad", "good"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_case_is_judged_as_its_name_says(path: Path) -> None:
    """A bad case has the finding, whole; a good one has not, and is accused of nothing else by it."""
    found = diagnosis(path)
    name, kind = path.parent.name, path.stem.partition("-")[0]
    said = [one for one in found.findings if one.check == name]

    assert found.found.failures == ()
    if kind == "good":
        assert [one for one in said if one.severity is not Severity.INFO] == []
        return
    assert len(said) == 1, [one.check for one in found.findings]
    one = said[0]
    assert (one.severity is Severity.INFO) == (name in ONLY_SAID)
    assert any(digit.isdigit() for digit in one.said.issue + one.said.evidence), "evidence has numbers"
    assert one.said.others and one.said.verify and len(one.recommendations) >= 2
    for advice in one.recommendations:
        assert {advice.impact, advice.effort, advice.risk} <= set(LEVELS)
        assert advice.action and advice.expected


def test_the_page_of_all_checks_is_up_to_date() -> None:
    """docs/checks.md is what the checks say of themselves; the failure names what writes it."""
    root = Path(__file__).resolve().parents[2]
    answer = subprocess.run(
        [sys.executable, "docs/checks.py", "--check"], cwd=root, capture_output=True, text=True
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_severities_are_those_of_the_contract() -> None:
    """A lost run is critical, and only that is; what is only possible is info."""
    critical = {"nan-loss", "divergence", "exploding-gradients"}
    for path in FILES:
        for one in diagnosis(path).findings:
            expected = {Severity.CRITICAL} if one.check in critical else {Severity.WARNING, Severity.INFO}
            assert one.severity in expected, (path, one.check)
            only_possible = one.said.confidence is Confidence.POSSIBLE
            assert (one.severity is Severity.INFO) == only_possible, (path, one.check)


def test_a_check_that_fails_is_said_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that raises is named in the notes; the findings of the others stand."""
    from dataclasses import replace

    from nbtrain.diagnose import engine
    from nbtrain.diagnose.facts import Facts

    def broken(facts: Facts):
        raise ZeroDivisionError("by design")
        yield

    checks = [replace(one, look=broken) if one.id == "underfitting" else one for one in all_checks()]
    facts = Facts(read_history(CASES / "overfitting" / "bad-gap.json"))
    found = engine.examine(facts, checks)

    assert found.primary == "overfitting"
    assert found.failures == (
        "The check underfitting failed (ZeroDivisionError: by design) and was left out.",
    )
