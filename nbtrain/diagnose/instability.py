"""What makes a training unstable: a broken, rising, jumping or swinging loss, gradients that explode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbtrain.diagnose.curves import (
    Curves,
    in_bins,
    loss_course,
    noise,
    present,
    reversals,
    smooth,
    swing,
    without_outlier,
)
from nbtrain.diagnose.learning import is_solved
from nbtrain.findings import Confidence, Finding, Severity
from nbtrain.units import number

_SMALL = 0.25  # share of the gain; swings of less, with validation at its best, are the batches' noise
_RETURNS = 3  # from as high as the end
_WAVE, _WAVE_LEVEL = 0.25, 0.5  # shares of the gain and of the level; waves are slower than single epochs
_WAVES = 6  # turns up or down of such a size: three waves
_NOISES = 3  # times the error that the batches' scatter explains


def finding(rule: str, severity: Severity, issue: str, evidence: str, confidence: Confidence) -> Finding:
    return Finding(rule, severity, issue, evidence=evidence, confidence=confidence)


def instabilities(curves: Curves, status: str) -> list[Finding]:
    if curves.broken or status == "diverged":
        where = f" {curves.broken}" if curves.broken else ""
        last = present(curves.step_loss)
        evidence = (
            f"last finite train loss {number(last[-1])}" if len(last) else "no finite train loss was seen"
        )
        issue = f"The loss became NaN or infinite{where}."
        if status == "diverged" and curves.ended:  # steps that were passed over before did not end it
            issue = curves.ended
        return [finding("nan-loss", Severity.CRITICAL, issue, evidence, Confidence.CERTAIN)]
    course, by_epoch = loss_course(curves)
    if len(course) < 4 or is_solved(curves):
        return []
    found = [
        _rising(curves, course, by_epoch),
        _spiking(curves, course, by_epoch),
        _oscillating(curves, course, by_epoch),
        _exploding(curves),
    ]
    return [one for one in found if one is not None]


def _where(position: int, count: int, by_epoch: bool) -> str:
    return (
        f"at epoch {position + 1}" if by_epoch else f"after {100 * (position + 1) / count:.0f} % of the steps"
    )


def _gained(course: np.ndarray) -> float:
    """Return how far the loss came down; a tenth of its level where it hardly did."""
    return max(float(course[0] - course.min()), 0.1 * abs(float(course[0])), 1e-12)


@dataclass(frozen=True)
class Turn:
    """A train loss that ends far above its best: position of the best in the course, its value, the end, and
    which share of the gain was lost.
    """

    at: int
    best: float
    end: float
    lost: float


def turn(curves: Curves, course: np.ndarray) -> Turn | None:
    """Return where the train loss turned for the worse: half of all that was gained is lost again."""
    calm = smooth(course)
    best = int(calm.argmin())
    end = float(np.median(course[-max(2, len(course) // 10) :]))
    rise = end - float(calm[best])
    limit = max(0.5 * _gained(calm), 3 * noise(course), 0.1 * abs(calm[best]))
    if _best_at_the_end(curves):  # the lowest of many noisy values lies far down by chance
        limit = max(limit, 6 * _batch_noise(curves, len(course)))
    if best >= len(course) - 2 or rise <= limit or _comes_back(calm, float(calm[best]), rise):
        return None
    return Turn(best, float(calm[best]), end, rise / _gained(calm))


def _comes_back(calm: np.ndarray, best: float, rise: float) -> bool:
    """Say whether the loss has come down from as high as its end three times before: it goes up and down."""
    high, low = best + 0.75 * rise, best + 0.25 * rise
    side = np.where(calm >= high, 1, np.where(calm <= low, -1, 0))
    side = side[side != 0]
    side = side[int((side == -1).argmax()) :]  # the first way down is what it learned
    return int(((side[:-1] == 1) & (side[1:] == -1)).sum()) >= _RETURNS


def _rising(curves: Curves, course: np.ndarray, by_epoch: bool) -> Finding | None:
    found = turn(curves, course)
    if found is None:
        return None
    where = _where(found.at, len(course), by_epoch)
    issue = (
        f"Train loss rose again, from {number(found.best, 3)} {where} to {number(found.end, 3)} at the end."
    )
    evidence = f"it started at {number(course[0], 3)}: {100 * found.lost:.0f} % of the gain was lost"
    return finding("divergence", Severity.CRITICAL, issue, evidence, Confidence.LIKELY)


@dataclass(frozen=True)
class Jumps:
    """Jumps of the train loss: how many, position and height of the highest, the best value before it."""

    times: int
    at: int
    height: float
    before: float


def jumps(curves: Curves, course: np.ndarray) -> Jumps | None:
    """Return where the loss jumps back by more than 60 % of its gain, after the first quarter.

    Where validation is at its best at the end, by more than the scatter of single batches explains, too.
    """
    begin = max(len(course) // 4, 2)
    lowest = np.minimum.accumulate(course)
    heights = course[begin:] - lowest[begin - 1 : -1]
    limit = max(0.6 * _gained(course), 6 * noise(course))
    if _best_at_the_end(curves):
        limit = max(limit, 6 * _batch_noise(curves, len(course)))
    high = heights > limit
    if not high.any():
        return None
    peaks = int((np.diff(high.astype(int), prepend=0) == 1).sum())
    top = begin + int(heights.argmax())
    return Jumps(peaks, top, float(course[top]), float(lowest[top - 1]))


def _spiking(curves: Curves, course: np.ndarray, by_epoch: bool) -> Finding | None:
    found = jumps(curves, course)
    if found is None:
        return None
    times = "once" if found.times == 1 else f"{found.times} times"
    where = _where(found.at, len(course), by_epoch)
    issue = f"Train loss jumped up {times}, to {number(found.height, 3)} {where}."
    evidence = (
        f"before the jump it was down to {number(found.before, 3)}; it started at {number(course[0], 3)}"
    )
    return finding("loss-spikes", Severity.WARNING, issue, evidence, Confidence.LIKELY)


@dataclass(frozen=True)
class Swings:
    """Up-and-down of the train loss: its size, the level around which, and the loss's gain (0: none)."""

    size: float
    level: float
    gained: float


def swings(curves: Curves, course: np.ndarray, by_epoch: bool) -> Swings | None:
    """Return whether the loss goes up and down by 10 % of its gain and 15 % of its level (by steps: 25 %),
    after the first quarter; or in three waves or more by 25 % of its gain and half of its level.

    Where validation is at its best at the end, swings of up to a quarter of the gain, or of up to three
    times what the scatter of single batches explains, harm nothing and are not accused.
    """
    later = course[len(course) // 4 :]
    # of few values one spike would make a quarter of the bends: it is none of the swings
    size, level = min(swing(later), swing(without_outlier(later))), abs(float(np.median(later)))
    of_gain, of_level = (0.10, 0.15) if by_epoch else (0.25, 0.25)
    if len(later) < 5:
        return None
    if size <= of_gain * _gained(course) or size <= of_level * level:
        size = _waves(course) / 2
        if not size:
            return None
    gained = float(course[0] - course.min())
    if _best_at_the_end(curves) and size <= max(_SMALL * gained, _NOISES * _batch_noise(curves, len(course))):
        return None
    return Swings(size, level, max(gained, 0.0))


def _oscillating(curves: Curves, course: np.ndarray, by_epoch: bool) -> Finding | None:
    found = swings(curves, course, by_epoch)
    if found is None:
        return None
    size, gained = found.size, found.gained
    unit = "epoch to epoch" if by_epoch else "part to part of the run"
    level = number(found.level, 3)
    issue = f"Train loss goes up and down by about {number(size, 2)} from {unit}, around {level}."
    evidence = "the train loss never came below its start"
    if gained > 0:
        share = f"{100 * size / gained:.0f} %"
        evidence = f"these swings are {share} of the {number(gained, 3)} by which the train loss came down"
    return finding("oscillating-loss", Severity.WARNING, issue, evidence, Confidence.LIKELY)


def _best_at_the_end(curves: Curves) -> bool:
    """Say whether the last of several validations is the best: by loss, without one by accuracy. Of a
    validation that itself goes up and down the last is the best by chance.
    """
    loss, accuracy = present(curves.val_loss), present(curves.val_acc)
    values = loss if len(loss) >= 2 else -accuracy
    if len(values) < 2 or values[-1] > values.min():
        return False
    later = values[len(values) // 4 :]
    quiet = swing(later) <= max(0.10 * _gained(values), 0.15 * abs(float(np.median(later))))
    return bool(quiet and not _waves(values))


def _waves(course: np.ndarray) -> float:
    """Return the height from which on three waves or more follow each other, after the first quarter: a
    quarter of the gain and half of the level; 0 where there are fewer.
    """
    later = course[len(course) // 4 :]
    height = max(_WAVE * _gained(course), _WAVE_LEVEL * abs(float(np.median(later))))
    return height if reversals(smooth(later), height) >= _WAVES else 0.0


def _batch_noise(curves: Curves, parts: int) -> float:
    """Return the standard error of one of `parts` values of the course, from the scatter of single batches
    in it; 0 without a history by step.

    The second differences of single steps tell that scatter (a trend leaves them alone); a median of k of
    them has 1.25 times the standard error of their mean.
    """
    steps = present(curves.step_loss)
    later = steps[len(steps) // 4 :]
    if len(later) < 2 * parts:
        return 0.0
    return 1.25 * noise(later) / float(np.sqrt(len(steps) / parts))


def _exploding(curves: Curves) -> Finding | None:
    """Gradient norms (medians of parts of the run) reach a thousand times their median and a hundred times
    the start.
    """
    norms = in_bins(curves.grad_norm)
    if len(norms) < 8 or norms.max() <= 1000 * max(np.median(norms), 1e-12) or norms.max() <= 100 * norms[0]:
        return None
    issue = f"The gradient norm grew to {number(norms.max(), 3)}, from {number(norms[0], 3)} at the start."
    return finding(
        "exploding-gradients",
        Severity.CRITICAL,
        issue,
        f"median of the run {number(np.median(norms), 3)}",
        Confidence.LIKELY,
    )
