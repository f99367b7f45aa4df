"""The interface of a review rule: an id, a severity, and a check over facts that yields problems and gaps.

A rule says what is wrong and where; the engine turns that into findings, sorts them and obeys `allow`
comments.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nbtrain.findings import Confidence, Severity
from nbtrain.review.edits import Edit
from nbtrain.review.facts import ReviewFacts

ID_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
SECTIONS = ("What it does", "Why it hurts", "Bad", "Good", "When to ignore")


@dataclass(frozen=True)
class Problem:
    """Something wrong. Fields are those of `nbtrain.findings.Finding`; `edits` mend it in the source.

    `severity`: None takes the rule's own; milder for a case that is.
    """

    issue: str
    current: str
    recommended: str
    evidence: str
    line: int | None = None
    name: str = ""
    confidence: Confidence = Confidence.LIKELY
    fix: str = ""
    edits: tuple[Edit, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True)
class Gap:
    """Something the rule could not check, as a sentence with the reason."""

    text: str


def could_not(check: str, why: str) -> Gap:
    """Return the gap of a rule whose question has no answer: `Could not check X: why.`"""
    return Gap(f"Could not check {check}: {why}.")


Check = Callable[[ReviewFacts], Iterator[Problem | Gap]]


@dataclass(frozen=True)
class Rule:
    """One review rule. `id`: kebab-case, names the problem, and is its file's name with dashes.

    `needs_probe`: what it judges only happens when the code runs; `needs_sanity`: for many steps.
    `explains`: ids of rules whose findings are consequences of this one and are left out beside it.
    """

    id: str
    severity: Severity
    check: Check
    explains: tuple[str, ...] = ()
    needs_probe: bool = False
    needs_sanity: bool = False

    @property
    def documentation(self) -> str:
        """The docstring of the rule's file."""
        return sys.modules[self.check.__module__].__doc__ or ""


def problem_with(rule: object, module: object) -> str | None:
    """Return what is wrong with a rule's definition, or None."""
    if not isinstance(rule, Rule):
        return "RULE is no Rule"
    if not ID_PATTERN.fullmatch(rule.id):
        return f"the id `{rule.id}` is not kebab-case"
    file_name = getattr(module, "__name__", "").rpartition(".")[2]
    if rule.id.replace("-", "_") != file_name:
        return f"the id `{rule.id}` is not the name of its file"
    missing = [one for one in SECTIONS if f"\n{one}\n" not in (getattr(module, "__doc__", "") or "")]
    return f"the docstring lacks the section `{missing[0]}`" if missing else None


def is_live(*flags: bool) -> Confidence:
    """Certain when every fact was seen on a live object, else likely."""
    return Confidence.CERTAIN if all(flags) else Confidence.LIKELY
