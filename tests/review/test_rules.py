"""The family of review rules: one contract for all of them, and their cases on disk."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbtrain.errors import UsageError
from nbtrain.findings import Severity
from nbtrain.report.model import Code
from nbtrain.review import Review, explain_rule, review_source
from nbtrain.review.engine import all_rules, rule_named, run
from nbtrain.review.explain import documentation
from nbtrain.review.facts import gather
from nbtrain.review.rule import ID_PATTERN, SECTIONS, Rule

CASES = Path(__file__).parents[1] / "cases" / "review"
REQUIRED = {
    "adam-lr-too-high", "sgd-lr-out-of-range", "transformer-no-warmup", "adam-coupled-weight-decay",
    "small-batch-no-accumulation", "accumulation-unscaled-loss", "missing-grad-clipping", "amp-no-gradscaler",
    "long-training-constant-lr",
}  # fmt: skip
CRITICAL = {"adam-lr-too-high", "amp-no-gradscaler", "accumulation-unscaled-loss"}
NEEDS_SANITY = {rule.id for rule in all_rules() if rule.needs_sanity}
NEEDS_PROBE = {rule.id for rule in all_rules() if rule.needs_probe}


def _marks(rule: str) -> Any:
    """Hundreds of steps a case take long; `test_sanity.py` holds one that is quick."""
    return pytest.mark.slow if rule in NEEDS_SANITY else ()


RULES = [pytest.param(rule, id=rule.id, marks=_marks(rule.id)) for rule in all_rules()]
BAD = [
    pytest.param(path, id=f"{path.parent.name}/{path.stem}", marks=_marks(path.parent.name))
    for path in sorted(CASES.glob("*/bad*.py"))
]
GOOD = [
    pytest.param(path, id=f"{path.parent.name}/{path.stem}", marks=_marks(path.parent.name))
    for path in sorted(CASES.glob("*/good*.py"))
]


def snippet(rule: Rule, section: str) -> str:
    match = re.search(r"```python\n(.*?)```", documentation(rule)[1][section], re.DOTALL)
    assert match, f"{rule.id} shows no code under {section}"
    return match[1]


UNDER_REVIEW = "# %% under review\n"


def reviewed(text: str, own: str = "") -> Review:
    """The review of a case. What stands above `# %% under review` has run: its names are the notebook's."""
    before, mark, cell = text.partition(UNDER_REVIEW)
    names: dict[str, Any] | None = None
    if mark:
        names = {}
        exec(before, names)
        text = "\n" * (before.count("\n") + 1) + cell
    return review_source(text, namespace=names, probe=own in NEEDS_PROBE, sanity=own in NEEDS_SANITY)


def found(source: str, own: str = "") -> list[str]:
    """Ids of the findings, without notes: those of a rule that only notes are asked for by its id."""
    findings = reviewed(source, own).findings
    return [one.rule for one in findings if one.severity is not Severity.INFO or one.rule == own]


def expected(path: Path) -> list[int]:
    """The lines that a bad case marks with `# <-- its-rule`."""
    mark = f"# <-- {path.parent.name}"
    return [at for at, line in enumerate(path.read_text().split("\n"), 1) if line.rstrip().endswith(mark)]


def test_the_promised_rules_exist() -> None:
    """The nine rule ids of the public contract exist under exactly these names, with their severities."""
    severities = {rule.id: str(rule.severity) for rule in all_rules()}

    assert set(severities) >= REQUIRED
    assert {name for name in REQUIRED if severities[name] == "critical"} == CRITICAL


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_documents_itself(rule: Rule) -> None:
    """Every rule has a kebab-case id, a one-line summary, all sections, and its source."""
    summary, sections = documentation(rule)

    assert ID_PATTERN.fullmatch(rule.id)
    assert summary.endswith(".")
    assert "\n" not in summary
    assert list(sections) == list(SECTIONS)
    assert all(len(text) > 20 for text in sections.values())
    assert re.search(r"^(Threshold|Source): ", sections["When to ignore"], re.M)


@pytest.mark.parametrize("rule", RULES)
def test_the_bad_snippet_is_found_and_the_good_one_is_clean(rule: Rule) -> None:
    """The code shown under Bad raises this rule and no other; the code under Good raises none."""
    assert set(found(snippet(rule, "Bad"), rule.id)) == {rule.id}
    assert found(snippet(rule, "Good"), rule.id) == []


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_cases_in_several_styles(rule: Rule) -> None:
    """Every rule has at least two bad and three good cases on disk."""
    assert len(list((CASES / rule.id).glob("bad*.py"))) >= 2
    assert len(list((CASES / rule.id).glob("good*.py"))) >= 3


@pytest.mark.parametrize("path", BAD)
def test_a_planted_fault_is_found(path: Path) -> None:
    """A bad case raises its rule, alone, on the marked lines, with evidence and a recommendation."""
    rule = path.parent.name
    said = reviewed(path.read_text(), rule).findings
    own = [one for one in said if one.rule == rule]

    assert set(found(path.read_text(), rule)) == {rule}
    assert sorted({one.line for one in own}) == expected(path)
    assert all(one.evidence and one.current and one.recommended and one.fix for one in own)


@pytest.mark.parametrize("path", BAD)
def test_the_suggested_config_reviews_clean(path: Path) -> None:
    """What the review suggests in place of a bad case parses and has nothing of it left to find."""
    from nbtrain.notebook.ipython_syntax import to_python

    outcome = run(gather(path.read_text(), None))
    suggestion = review_source(path.read_text()).suggested_config

    ast.parse(to_python(suggestion).text)
    assert bool(suggestion) == any(outcome.edits)
    if all(outcome.edits):
        assert found(suggestion) == []


@pytest.mark.parametrize("path", GOOD)
def test_good_code_is_left_alone(path: Path) -> None:
    """Correct code, in whatever style, raises no finding of any rule but notes, and none of its own."""
    assert found(path.read_text(), path.parent.name) == []


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    """Silence on good code is tested on at least fifteen whole, idiomatic sources."""
    assert len(list((CASES / "corpus").glob("good*.py"))) >= 15


def test_explain_shows_the_rules_own_words() -> None:
    """Explaining a rule shows the sections of its docstring with the code as code."""
    report = explain_rule("adam-lr-too-high")

    assert [section.title for section in report.sections] == list(SECTIONS)
    assert any(isinstance(block, Code) for section in report.sections for block in section.blocks)
    assert "lr=0.1" in report.to_text()


def test_explain_takes_underscores() -> None:
    """A rule is also known by its file's name."""
    assert rule_named("amp_no_gradscaler").id == "amp-no-gradscaler"


def test_an_unknown_rule_names_the_nearest() -> None:
    """A misspelt rule id is a usage error that names what was probably meant."""
    with pytest.raises(UsageError, match="adam-lr-too-high"):
        explain_rule("adam-lr-to-high")


def test_the_rules_page_shows_every_rule() -> None:
    """docs/rules.md is what the rules say of themselves now; the failure names the command that writes it."""
    command = [sys.executable, "docs/rules.py", "--check"]
    result = subprocess.run(command, cwd=CASES.parents[2], capture_output=True, text=True)

    assert result.returncode == 0, result.stdout + result.stderr
