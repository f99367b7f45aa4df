"""What makes a training unstable: a broken, rising, jumping or swinging loss, gradients that explode."""

from __future__ import annotations

import numpy as np

from nbtrain.diagnose.curves import Curves, in_bins, loss_course, noise, present, smooth, swing
from nbtrain.findings import Confidence, Finding, Severity
from nbtrain.units import number


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
        return [finding("nan-loss", Severity.CRITICAL, issue, evidence, Confidence.CERTAIN)]
    course, by_epoch = loss_course(curves)
    if len(course) < 4:
        return []
    found = [
        _rising(course, by_epoch),
        _spiking(course, by_epoch),
        _oscillating(course, by_epoch),
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


def _rising(course: np.ndarray, by_epoch: bool) -> Finding | None:
    """The train loss ends far above its best: half of all that was gained is lost again."""
    calm = smooth(course)
    best = int(calm.argmin())
    end = float(np.median(course[-max(2, len(course) // 10) :]))
    rise = end - float(calm[best])
    if best >= len(course) - 2 or rise <= max(0.5 * _gained(calm), 3 * noise(course), 0.1 * abs(calm[best])):
        return None
    where = _where(best, len(course), by_epoch)
    issue = f"Train loss rose again, from {number(calm[best], 3)} {where} to {number(end, 3)} at the end."
    evidence = (
        f"it started at {number(course[0], 3)}: {100 * rise / _gained(calm):.0f} % of the gain was lost"
    )
    return finding("divergence", Severity.CRITICAL, issue, evidence, Confidence.LIKELY)


def _spiking(course: np.ndarray, by_epoch: bool) -> Finding | None:
    """The loss jumps back by more than 60 % of its gain, after the first quarter, and recovers."""
    begin = max(len(course) // 4, 2)
    lowest = np.minimum.accumulate(course)
    jumps = course[begin:] - lowest[begin - 1 : -1]
    limit = max(0.6 * _gained(course), 6 * noise(course))
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


def _oscillating(course: np.ndarray, by_epoch: bool) -> Finding | None:
    """The loss goes up and down by 10 % of its gain and 15 % of its level (by steps: 25 %), after the first
    quarter.
    """
    later = course[len(course) // 4 :]
    size, level = swing(later), abs(float(np.median(later)))
    of_gain, of_level = (0.10, 0.15) if by_epoch else (0.25, 0.25)
    if len(later) < 5 or size <= of_gain * _gained(course) or size <= of_level * level:
        return None
    unit = "epoch to epoch" if by_epoch else "part to part of the run"
    issue = f"Train loss goes up and down by about {number(size, 2)} from {unit}, around {number(level, 3)}."
    evidence = f"it gained {number(float(course[0] - course.min()), 3)} in all"
    return finding("oscillating-loss", Severity.WARNING, issue, evidence, Confidence.LIKELY)


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
