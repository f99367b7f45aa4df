"""Run the checks over a history: collect, order, name the one to act on first."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbtrain import registry
from nbtrain.diagnose.check import Check, Gap, Recommendation, Suspicion, problem_with, ranked
from nbtrain.diagnose.facts import Facts
from nbtrain.findings import Severity

# Which finding is acted on first. The four in front make other numbers meaningless; then by cost.
ORDER = (
    "nan-loss",
    "divergence",
    "exploding-gradients",
    "lr-exhausted",
    "overfitting",
    "underfitting",
    "data-quality",
    "resource-inefficiency",
    "vanishing-gradients",
    "dead-units",
    "oscillating-loss",
    "slow-convergence",
    "convergence-stall",
    "overtraining",
    "leakage",
    "chance-level",
    "small-batch-noise",
    "unstable-first-steps",
    "loader-bound",
    "memory-growing",
    "class-imbalance",
    "seeds-disagree",
    "loss-spikes",
)
# effect -> causes: where both hold, the effect is said to follow from the cause.
CAUSES = {
    "divergence": ("exploding-gradients",),
    "nan-loss": ("divergence", "exploding-gradients"),
    "underfitting": (
        "nan-loss",
        "divergence",
        "exploding-gradients",
        "lr-exhausted",
        "vanishing-gradients",
        "dead-units",
        "convergence-stall",
        "slow-convergence",
        "chance-level",
    ),
    "chance-level": ("vanishing-gradients", "dead-units", "divergence"),
    "convergence-stall": ("lr-exhausted", "vanishing-gradients", "dead-units", "chance-level"),
    "slow-convergence": ("lr-exhausted", "vanishing-gradients", "dead-units"),
    "data-quality": ("leakage", "oscillating-loss"),
    "overtraining": ("overfitting",),
    "resource-inefficiency": ("loader-bound",),
    "oscillating-loss": ("divergence", "exploding-gradients"),
}


@dataclass(frozen=True)
class Diagnosed:
    """One finding: which check, and what it said. `follows_from`: findings beside it that explain it."""

    check: str
    said: Suspicion
    recommendations: tuple[Recommendation, ...]
    follows_from: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        return self.said.severity

    def to_dict(self) -> dict[str, Any]:
        """Return the finding in the contract's shape, with what it has beside."""
        said = self.said
        return {
            "check": self.check,
            "severity": str(said.severity),
            "evidence": f"{said.issue} {_sentence(said.evidence)}",
            "confidence": str(said.confidence),
            "recommendations": [one.to_dict() for one in self.recommendations],
            "issue": said.issue,
            "other_explanations": list(said.others),
            "verify": said.verify,
            "follows_from": list(self.follows_from),
            "epochs": list(said.epochs) if said.epochs else None,
            "explain": f"%train explain {self.check}",
        }


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


@dataclass(frozen=True)
class Examination:
    """What the checks said of a history.

    Attributes:
        findings: the one to act on first in front.
        primary: its id; None where nothing but possibilities was found.
        looked_at: ids of the checks that could judge. gaps: what could not be looked at, by check.
        failures: checks that failed, in sentences.
    """

    findings: tuple[Diagnosed, ...]
    primary: str | None
    looked_at: tuple[str, ...]
    gaps: tuple[tuple[str, str], ...]
    failures: tuple[str, ...] = ()

    @property
    def first(self) -> Diagnosed | None:
        """The primary finding."""
        return next((one for one in self.findings if one.check == self.primary), None)

    @property
    def cause(self) -> Diagnosed | None:
        """The finding that is changed something about: the primary one, or what it follows from, as far back
        as the findings say; what is only possible is no cause.
        """
        sure = {one.check: one for one in self.findings if one.severity is not Severity.INFO}
        at = self.first
        while at is not None:
            before = next((sure[name] for name in at.follows_from if name in sure), None)
            if before is None:
                return at
            at = before
        return None


@functools.cache
def all_checks() -> tuple[Check, ...]:
    """Return every check, found by walking `nbtrain.diagnose.checks`, in the order of `ORDER`."""
    from nbtrain.diagnose import checks

    found: list[Check] = registry.units_of(checks, "CHECK", problem_with)
    return tuple(sorted(found, key=lambda one: _place(one.id)))


def check_named(word: str) -> Check | None:
    """Return the check with this id, or None."""
    wanted = word.strip().lower().replace("_", "-")
    return next((check for check in all_checks() if check.id == wanted), None)


def examine(facts: Facts, checks: Iterable[Check] | None = None) -> Examination:
    """Run checks over facts. `checks`: default all."""
    found: list[Diagnosed] = []
    looked_at, gaps, failures = [], [], []
    for check in all_checks() if checks is None else checks:
        if check.by_loss and facts.no_aim:
            gaps.append((check.id, facts.no_aim))
            continue
        try:
            said = list(check.look(facts))
        except Exception as error:  # one check never hides what the others found; it is said
            failures.append(
                f"The check {check.id} failed ({type(error).__name__}: {error}) and was left out."
            )
            continue
        missing = [(check.id, one.text) for one in said if isinstance(one, Gap)]
        gaps += missing
        if not missing or len(missing) < len(said):
            looked_at.append(check.id)
        for one in said:
            if isinstance(one, Suspicion):
                found.append(Diagnosed(check.id, one, ranked(one.recommendations)))
    found.sort(key=lambda one: (one.severity is Severity.INFO, one.said.vague, _place(one.check)))
    primary = next((one.check for one in found if one.severity is not Severity.INFO), None)
    tied = tuple(_tied(one, {other.check: other for other in found}) for one in found)
    return Examination(tied, primary, tuple(looked_at), tuple(gaps), tuple(failures))


def _tied(one: Diagnosed, found: Mapping[str, Diagnosed]) -> Diagnosed:
    """Tie a finding to its causes: of one setting a diagnosis recommends one value, the cause's."""
    causes = tuple(cause for cause in CAUSES.get(one.check, ()) if cause in found)
    theirs = {
        frozenset(said.change): said
        for cause in reversed(causes)
        for said in found[cause].recommendations
        if said.change
    }

    def agreed(said: Recommendation) -> Recommendation:
        cause = theirs.get(frozenset(said.change), said)
        return said if cause.change == said.change else cause

    return replace(one, recommendations=ranked(tuple(map(agreed, one.recommendations))), follows_from=causes)


def _place(check: str) -> int:
    return ORDER.index(check) if check in ORDER else len(ORDER)
