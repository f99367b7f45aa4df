"""The verdict on two sides: better, worse, no significant difference, not comparable, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbtrain.compare.directions import in_points
from nbtrain.compare.measures import Measure
from nbtrain.compare.statistics import ALPHA, noise_of
from nbtrain.compare.trial import Side
from nbtrain.compare.wording import interval_text, p_text
from nbtrain.units import number

BETTER, WORSE, SAME = "better", "worse", "no-significant-difference"
NOT_COMPARABLE = "not-comparable"
# Of one run a side nothing is known of the spread between seeds: this is a rule of thumb and no estimate.
POINTS = 0.03
SHARE = 0.10  # stands in for 3 points where a metric is no share: losses of seeds spread by some percent
_NOISES = 2.0  # and a difference must be so many times what the curves jump from epoch to epoch
SEEDS = 3  # runs a side that are recommended

WELCH, RULE, NONE = "welch", "rule-of-thumb", "none"


@dataclass(frozen=True)
class Verdict:
    """`word`: one of the four. `method`: welch, rule-of-thumb or none. `reasons`: sentences."""

    word: str
    method: str
    reasons: tuple[str, ...]


def not_comparable(reasons: Sequence[str]) -> Verdict:
    return Verdict(NOT_COMPARABLE, NONE, tuple(reasons))


def verdict_on(measure: Measure, sides: tuple[Side, Side], alpha: float = ALPHA) -> Verdict:
    """Return the verdict by the headline metric: Welch's test where both sides have several runs with a
    spread, else the rule of thumb.
    """
    counts = (len(measure.baseline.values), len(measure.optimized.values))
    if measure.p_value is not None:
        return _tested(measure, counts, alpha)
    return _by_rule(measure, sides, counts)


def _tested(measure: Measure, counts: tuple[int, int], alpha: float) -> Verdict:
    p, gain = measure.p_value, measure.absolute or 0.0
    assert p is not None
    told = p_text(p) if p < 1e-4 else f"= {p_text(p)}"
    words = f"Welch's t-test on {measure.name} over {counts[0]} and {counts[1]} runs: p {told}"
    if measure.interval is not None:
        words += f", 95 % interval of the improvement {interval_text(measure)} (bootstrap)"
    if p < alpha:
        word = BETTER if gain > 0 else WORSE
        return Verdict(
            word,
            WELCH,
            (f"{words}; below {alpha}: chance between seeds would seldom give such a difference.",),
        )
    return Verdict(
        SAME, WELCH, (f"{words}; not below {alpha}: the difference lies inside the noise of the seeds.",)
    )


def _by_rule(measure: Measure, sides: tuple[Side, Side], counts: tuple[int, int]) -> Verdict:
    """3 points of a share, 10 % of the baseline of anything else; more where the curves jump more."""
    gain = measure.absolute or 0.0
    share = in_points(measure.name)
    unit = 100.0 if share and _largest(measure) > 1.5 else 1.0
    limit = POINTS * unit if share else SHARE * abs(measure.baseline.mean)
    what = "3 points" if share else f"{100 * SHARE:.0f} % of the baseline's value"
    noise = _NOISES * _noise(measure, sides)
    why = (
        _single(counts)
        if min(counts) < 2
        else "The runs of each side agree to the last digit, so there is no spread to test against"
    )
    called = f"{why}; the rule of thumb is used: a difference above {what}"
    beyond = round(abs(gain), 9) > round(max(limit, noise), 9)
    said = _amount(gain, share, unit)
    if not beyond and round(abs(gain), 9) > round(limit, 9):
        reason = (
            f"{called}, and above the noise. The difference is {said}, less than twice what {measure.name} "
            f"jumps from epoch to epoch or between runs ({_amount(noise, share, unit)})."
        )
    else:
        above = "above it" if beyond else "not above it"
        reason = f"{called}. The difference of {measure.name} is {said}: {above}."
    advice = f"Repeat with at least {SEEDS} seeds a side for a test."
    word = SAME if not beyond else BETTER if gain > 0 else WORSE
    return Verdict(word, RULE, (reason, advice))


def _noise(measure: Measure, sides: tuple[Side, Side]) -> float:
    curves = [noise_of(trial.column(measure.name)) for side in sides for trial in side]
    spreads = [sample.std or 0.0 for sample in (measure.baseline, measure.optimized)]
    return max([*curves, *spreads, 0.0])


def _largest(measure: Measure) -> float:
    return float(np.max([*measure.baseline.values, *measure.optimized.values]))


def _single(counts: tuple[int, int]) -> str:
    if counts == (1, 1):
        return "One run a side, so nothing is known of the spread between seeds"
    return f"There are {counts[0]} and {counts[1]} runs, and a test needs two on each side"


def _amount(value: float, share: bool, unit: float) -> str:
    if share:
        points = round(abs(value) * 100 / unit, 4)
        return f"{number(points, 3)} point{'' if points == 1 else 's'}"
    return number(abs(value), 3)
