"""What to do after an optimization: go to production, iterate, or collect data, and why."""

from __future__ import annotations

from dataclasses import dataclass

from nbtrain.compare.pair import Pair
from nbtrain.compare.verdict import BETTER, NOT_COMPARABLE, RULE, SEEDS, WORSE

PRODUCTION, ITERATE, COLLECT = "production", "iterate", "collect-data"
TITLES = {PRODUCTION: "Go to production", ITERATE: "Iterate", COLLECT: "Collect data"}
_OF_THE_DATA = ("data-quality", "leakage", "class-imbalance")
_OF_TOO_LITTLE = (
    "overfitting",
)  # remedies in the training exist; data is what is left when they did not help
_OF_THE_MACHINE = ("resource-inefficiency", "loader-bound", "memory-growing")


@dataclass(frozen=True)
class Health:
    """What the diagnosis of a side found.

    Attributes:
        primary: id of the finding to act on first; None where no problem was found.
        findings: (id, severity, issue) each; `runs` were diagnosed, `same` of them have this primary.
        looked: False where nothing could be diagnosed.
    """

    primary: str | None = None
    findings: tuple[tuple[str, str, str], ...] = ()
    runs: int = 0
    same: int = 0
    looked: bool = True

    @property
    def ids(self) -> tuple[str, ...]:
        """The problems found; possibilities left out."""
        return tuple(check for check, severity, _ in self.findings if severity != "info")

    def issue(self, check: str | None) -> str:
        """Return what a finding says."""
        return next((issue for one, _, issue in self.findings if one == check), "")


@dataclass(frozen=True)
class Decision:
    """`word`: production, iterate or collect-data. `reasons`, `conditions`: sentences."""

    word: str
    reasons: tuple[str, ...]
    conditions: tuple[str, ...] = ()


def decide(pair: Pair, before: Health, after: Health) -> Decision:
    """Decide from the verdict and the diagnoses before and after.

    Production needs a better verdict and an optimized training without a problem of learning; a problem of
    the machine is a condition only. Data is asked for where the data itself is doubted, or where overfitting
    is still there after an optimization that did not win. All else is another iteration.
    """
    verdict = pair.verdict
    name, base = pair.optimized.side.name, pair.baseline.side.name
    of_the_data = [check for check in after.ids if check in _OF_THE_DATA]
    learning = [check for check in after.ids if check not in _OF_THE_MACHINE]
    if verdict.word == NOT_COMPARABLE:
        why = verdict.reasons[0] if verdict.reasons else ""
        reasons = [
            f"{base} and {name} are not comparable: {why}",
            "Repeat the two so that only the change differs.",
        ]
        return Decision(ITERATE, tuple(reasons))
    if of_the_data:
        reasons = [f"{name} is diagnosed with {check}: {after.issue(check)}" for check in of_the_data]
        reasons.append(f"The verdict is {_said(verdict.word)}, yet no setting mends data.")
        return Decision(COLLECT, tuple(reasons))
    if verdict.word == BETTER and not learning:
        return _production(pair, after)
    still = [check for check in after.ids if check in _OF_TOO_LITTLE and check in before.ids]
    if still and verdict.word != BETTER:
        reasons = [
            f"{name} is {_said(verdict.word)} against {base}, "
            f"and {', '.join(still)} was found before and after it.",
            "What training can do against it was tried; more, or more varied, data is what is left.",
        ]
        return Decision(COLLECT, tuple(reasons))
    return _iterate(pair, before, after, learning)


def _production(pair: Pair, after: Health) -> Decision:
    top, name = pair.headline_measure, pair.optimized.side.name
    reasons = [f"{name} is better on {pair.headline}: {pair.verdict.reasons[0]}"]
    if after.looked:
        reasons.append("Its diagnosis found no problem of learning.")
    conditions = []
    if pair.verdict.method == RULE:
        conditions.append(
            f"Confirm it with {SEEDS} seeds a side first: the verdict rests on a rule of thumb."
        )
    if pair.same.data is None:
        conditions.append(
            "Make sure that both were trained and validated on the same data; it is not known here."
        )
    machine = [check for check in after.ids if check in _OF_THE_MACHINE]
    conditions += [f"It could train cheaper: {check}. {after.issue(check)}" for check in machine]
    if not after.looked:
        conditions.append("Nothing could be diagnosed in it.")
    if top is not None:
        conditions.append("Evaluate it once on test data that took no part in choosing it.")
    return Decision(PRODUCTION, tuple(reasons), tuple(conditions))


def _iterate(pair: Pair, before: Health, after: Health, learning: list[str]) -> Decision:
    name, base, word = pair.optimized.side.name, pair.baseline.side.name, pair.verdict.word
    reasons = []
    if word == BETTER:
        reasons.append(f"{name} is better than {base}, but not healthy yet.")
    elif word == WORSE:
        reasons.append(f"{name} is worse than {base}: go back to the baseline's settings.")
    else:
        reasons.append(f"{name} is not better than {base} beyond the noise: {pair.verdict.reasons[0]}")
    solved = [check for check in before.ids if check not in after.ids]
    if solved:
        reasons.append(f"No longer found: {', '.join(solved)}.")
    reasons += [f"Found in {name}: {check}. {after.issue(check)}" for check in learning[:3]]
    if not learning and word != WORSE:
        reasons.append(
            "Nothing is wrong with how it trains; try a larger change, or more seeds to see a small one."
        )
    return Decision(ITERATE, tuple(reasons))


def _said(word: str) -> str:
    return word.replace("-", " ")
