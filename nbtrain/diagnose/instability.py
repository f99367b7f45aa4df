"""What makes a training unstable: a broken, rising, jumping or swinging loss, gradients that explode."""

from __future__ import annotations

import numpy as np

from nbtrain.diagnose.curves import Curves, in_bins, loss_course, noise, present, smooth, swing
from nbtrain.findings import Confidence, Finding, Severity
from nbtrain.units import number

_SMALL = 0.25  # share of the gain; swings of less, with validation at its best, are the batches' noise
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
    if len(course) < 4:
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


def _rising(curves: Curves, course: np.ndarray, by_epoch: bool) -> Finding | None:
    """The train loss ends far above its best: half of all that was gained is lost again."""
    calm = smooth(course)
    best = int(calm.argmin())
    end = float(np.median(course[-max(2, len(course) // 10) :]))
    rise = end - float(calm[best])
    limit = max(0.5 * _gained(calm), 3 * noise(course), 0.1 * abs(calm[best]))
    if _best_at_the_end(curves):  # the lowest of many noisy values lies far down by chance
        limit = max(limit, 6 * _batch_noise(curves, len(course)))
    if best >= len(course) - 2 or rise <= limit:
        return None
    where = _where(best, len(course), by_epoch)
    issue = f"Train loss rose again, from {number(calm[best], 3)} {where} to {number(end, 3)} at the end."
    evidence = (
        f"it started at {number(course[0], 3)}: {100 * rise / _gained(calm):.0f} % of the gain was lost"
    )
    return finding("divergence", Severity.CRITICAL, issue, evidence, Confidence.LIKELY)


def _spiking(curves: Curves, course: np.ndarray, by_epoch: bool) -> Finding | None:
    """The loss jumps back by more than 60 % of its gain, after the first quarter, and recovers.

    Where validation is at its best at the end, by more than the scatter of single batches explains, too.
    """
    begin = max(len(course) // 4, 2)
    lowest = np.minimum.accumulate(course)
    jumps = course[begin:] - lowest[begin - 1 : -1]
    limit = max(0.6 * _gained(course), 6 * noise(course))
    if _best_at_the_end(curves):
        limit = max(limit, 6 * _batch_noise(curves, len(course)))
    high = jumps > limit
    if not high.any():
        return None
    peaks = int((np.diff(high.astype(int), prepend=0) == 1).sum())
    top = begin + int(jumps.argmax())
    times = "once" if peaks == 1 else f"{peaks} times"
    issue = f"Train loss jumped up {times}, to {number(course[top], 3)} {_where(top, len(course), by_epoch)}."
    evidence = (
        f"before the jump it was down to {number(lowest[top - 1], 3)}; it started at {number(course[0], 3)}"
    )
    return finding("loss-spikes", Severity.WARNING, issue, evidence, Confidence.LIKELY)


def _oscillating(curves: Curves, course: np.ndarray, by_epoch: bool) -> Finding | None:
    """The loss goes up and down by 10 % of its gain and 15 % of its level (by steps: 25 %), after the first
    quarter.

    Where validation is at its best at the end, swings of up to a quarter of the gain, or of up to three
    times what the scatter of single batches explains, harm nothing and are not accused.
    """
    later = course[len(course) // 4 :]
    size, level = swing(later), abs(float(np.median(later)))
    of_gain, of_level = (0.10, 0.15) if by_epoch else (0.25, 0.25)
    if len(later) < 5 or size <= of_gain * _gained(course) or size <= of_level * level:
        return None
    gained = float(course[0] - course.min())
    if _best_at_the_end(curves) and size <= max(_SMALL * gained, _NOISES * _batch_noise(curves, len(course))):
        return None
    unit = "epoch to epoch" if by_epoch else "part to part of the run"
    issue = f"Train loss goes up and down by about {number(size, 2)} from {unit}, around {number(level, 3)}."
    evidence = "the train loss never came below its start"
    if gained > 0:
        share = f"{100 * size / gained:.0f} %"
        evidence = f"these swings are {share} of the {number(gained, 3)} by which the train loss came down"
    return finding("oscillating-loss", Severity.WARNING, issue, evidence, Confidence.LIKELY)


def _best_at_the_end(curves: Curves) -> bool:
    """Say whether the last of several validations is the best: by loss, without one by accuracy."""
    loss, accuracy = present(curves.val_loss), present(curves.val_acc)
    if len(loss) >= 2:
        return bool(loss[-1] <= loss.min())
    return bool(len(accuracy) >= 2 and accuracy[-1] >= accuracy.max())


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
