"""The interface of a diagnosis check: an id, and a function over facts that yields suspicions and gaps.

A check says what is wrong, with what evidence and what to do. The engine puts the findings in order.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbtrain.findings import Confidence, Severity

ID_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+|overfitting|underfitting|divergence|overtraining|leakage")
SECTIONS = ("What it does", "Why it hurts", "What to do", "When to ignore")
LEVELS = ("low", "medium", "high")


@dataclass(frozen=True)
class Recommendation:
    """One thing to do.

    Attributes:
        action: what, in a sentence with the run's own numbers.
        impact, effort, risk: low, medium or high.
        expected: what should change, and by how much where that can be said.
        change: settings to write into an optimization config, name -> value; empty where none says it.
    """

    action: str
    impact: str
    effort: str
    risk: str
    expected: str
    change: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        named = {name: getattr(self, name) for name in ("action", "impact", "effort", "risk", "expected")}
        return {**named, **({"change": dict(self.change)} if self.change else {})}


@dataclass(frozen=True)
class Evidence:
    """Where on a curve the evidence is: what the figure marks.

    Attributes:
        chart: loss, accuracy, gradient, lr or other: the column's name.
        kind: gap (shaded from `start` to `end` between two curves), span (shaded), point (circled).
        start, end: epochs.
        value: height of a point. label: a few words.
    """

    chart: str
    kind: str
    start: float
    end: float = float("nan")
    value: float = float("nan")
    label: str = ""


@dataclass(frozen=True)
class Suspicion:
    """What a check says.

    Attributes:
        issue: the problem in one sentence. evidence: the numbers and epochs it rests on.
        severity, confidence: certain (it is so by definition), likely, possible (then severity is info).
        others: what else could explain it, in sentences.
        recommendations: ranked by the engine.
        verify: how to check that a change worked.
        marks: where the figure shows it.
        vague: it names a symptom that others explain: whatever is found beside it comes first.
        epochs: first and last epoch of the evidence, where it has a place.
    """

    issue: str
    evidence: str
    severity: Severity
    confidence: Confidence
    recommendations: tuple[Recommendation, ...]
    verify: str
    others: tuple[str, ...] = ()
    marks: tuple[Evidence, ...] = ()
    epochs: tuple[float, float] | None = None
    vague: bool = False


@dataclass(frozen=True)
class Gap:
    """What could not be looked at, as a sentence with the reason."""

    text: str


Look = Callable[[Any], Iterator["Suspicion | Gap"]]


@dataclass(frozen=True)
class Check:
    """One check. `id`: kebab-case, names the problem, and is its file's name with dashes.

    `by_loss`: it judges the course or the height of a loss that should fall.
    """

    id: str
    look: Look
    by_loss: bool = False

    @property
    def documentation(self) -> str:
        """The docstring of the check's file."""
        return sys.modules[self.look.__module__].__doc__ or ""


def problem_with(check: object, module: object) -> str | None:
    """Return what is wrong with a check's definition, or None."""
    if not isinstance(check, Check):
        return "CHECK is no Check"
    if not ID_PATTERN.fullmatch(check.id):
        return f"the id `{check.id}` is not kebab-case"
    file_name = getattr(module, "__name__", "").rpartition(".")[2]
    if check.id.replace("-", "_") != file_name:
        return f"the id `{check.id}` is not the name of its file"
    missing = [one for one in SECTIONS if f"\n{one}\n" not in (getattr(module, "__doc__", "") or "")]
    return f"the docstring lacks the section `{missing[0]}`" if missing else None


def ranked(recommendations: tuple[Recommendation, ...]) -> tuple[Recommendation, ...]:
    """Return the recommendations, the most to gain for the least first; those that tie keep their order."""

    def worth(one: Recommendation) -> int:
        impact, effort, risk = (LEVELS.index(getattr(one, name)) for name in ("impact", "effort", "risk"))
        return 2 * impact - effort - risk

    return tuple(sorted(recommendations, key=lambda one: -worth(one)))
