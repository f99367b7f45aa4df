"""A train loss that grows instead of falling.

What it does
    The train loss ends far above its best: half of all it had gained is lost again, and over 10 % of the
    best and three standard deviations of its noise (running medians of three; the end is the median of the
    last tenth). Or it has risen with each of the last three values or more, or surely in six or more
    (Theil-Sen line), to twice its best and by a quarter of its gain. A loss that came down from as high
    three times before swings and does not diverge. Of two or three epochs, only a tenfold growth counts. Or
    it grew to twice its best before it stopped being finite (TheDeepChecker: twice the minimum; trainproof:
    1.5 times).

Why it hurts
    Each further step makes the model worse; the weights of the end are worth nothing.

What to do
    A lower learning rate, clipping, a warm-up; go on from the best checkpoint.

When to ignore
    The learning rate was raised on purpose shortly before the end (a warm restart): that is not accused.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.curves import present, smooth
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.instability import Turn, turn
from nbtrain.diagnose.trend import trend
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

GREW = 2.0  # times the best, before a loss stopped being finite
CLIMBS = 3  # values in a row
SURE_CLIMB = 6  # values after the best, for a trend
TENFOLD = 10.0  # of two or three epochs
VERIFY = "The train loss of the next run must fall over the epochs in which this one rose."
OTHERS = (
    "Something changed there: other data, another loss, a schedule that raised the rate, labels from "
    "then on wrong.",
    "A regularisation term that grows (a weight of the loss that is annealed up) makes the total rise.",
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    course, by_epoch = facts.course
    if len(course) < 2:
        yield Gap(f"{len(course)} train losses: no course to judge")
        return
    if (grown := _before_broken(facts)) is not None:
        yield grown
        return
    if len(course) < 4:
        best, end = float(course.min()), float(course[-1])
        if best > 0 and end >= TENFOLD * best:
            yield _said(
                facts,
                f"Train loss grew from {number(best, 3)} to {number(end, 3)}.",
                f"in {len(course)} epochs",
                (float(curves.epoch[0]), float(curves.epoch[-1])),
            )
        return
    found = turn(curves, course) or _climbs(course)
    if found is None:
        return
    place, told = None, f"{100 * (found.at + 1) / len(course):.0f} % of the steps"
    if by_epoch:
        held = np.flatnonzero(np.isfinite(curves.train_loss))
        if found.end < course[0] and facts.raised_after(int(held[found.at])):
            yield Gap("the learning rate was raised after the best epoch: a rise may be the restart's")
            return
        place = (float(curves.epoch[held[found.at]]), float(curves.epoch[-1]))
        told = f"epoch {place[0]:.0f}"
    yield _said(
        facts,
        f"Train loss rose from {number(found.best, 3)} at {told} to {number(found.end, 3)} at the end.",
        f"it started at {number(course[0], 3)}; the rise is {100 * found.lost:.0f} % of all that was gained",
        place,
    )


def _climbs(course: np.ndarray) -> Turn | None:
    """Return the turn of a loss that has risen to twice its best and by a quarter of all it gained: in each
    of the last values, at least three, or surely in the six or more since its best (Theil-Sen line).
    """
    best = int(course.argmin())
    rising = course[best:]
    end = float(course[-1]) if len(rising) <= SURE_CLIMB else float(np.median(course[-3:]))
    gained = max(float(course[0] - course[best]), 1e-12)
    rise = end - float(course[best])
    if len(rising) <= CLIMBS or course[best] <= 0 or end < GREW * course[best] or rise < 0.25 * gained:
        return None
    straight = bool((np.diff(rising) > 0).all())
    if not straight and (len(rising) <= SURE_CLIMB or not _surely(rising)):
        return None
    return Turn(best, float(course[best]), end, rise / gained)


def _surely(rising: np.ndarray) -> bool:
    """Say whether a rise is a trend, its last third above all before: no spike, and no wave."""
    line, third = trend(rising), len(rising) // 3
    return line.sure and line.slope > 0 and bool(np.median(rising[-third:]) >= smooth(rising[:-third]).max())


def _before_broken(facts: Facts) -> Suspicion | None:
    """A loss that grew up to where it stopped being finite."""
    curves, broken = facts.curves, facts.history.broken
    if not broken:
        return None
    first = broken[0]
    name = first.column if first.column in ("train_loss", "val_loss") else "train_loss"
    if first.epoch is not None:
        values, at = getattr(curves, name), curves.epoch
        held = np.isfinite(values) & (at < first.epoch)
        values, at = values[held], at[held]
    else:
        held = np.isfinite(curves.step_loss) & (curves.step < (first.step or 0))
        values = curves.step_loss[held]
        values = np.convolve(values, np.full(5, 0.2), "valid") if len(values) >= 20 else values
        at = curves.step[held][-len(values) :] if len(values) else curves.step[:0]
    if (
        len(values) < 2
        or values.min() <= 0
        or values[-1] < GREW * values.min()
        or int(values.argmin()) == len(values) - 1
    ):
        return None
    low = int(values.argmin())
    unit = "epoch" if first.epoch is not None else "step"
    place = (float(at[low]), float(first.epoch)) if first.epoch is not None else None
    return _said(
        facts,
        f"The loss grew from {number(float(values[low]), 3)} to {number(float(values[-1]), 3)} and then "
        "was no number.",
        f"lowest at {unit} {at[low]:,.0f}, {number(first.value)} at {first.where}",
        place,
    )


def _said(facts: Facts, issue: str, evidence: str, place: tuple[float, float] | None) -> Suspicion:
    marks = (Evidence("loss", "span", *place, label="rises"),) if place else ()
    loss = present(facts.curves.val_loss)
    best = ()
    if len(loss) > 2:
        at = int(np.nanargmin(facts.curves.val_loss))
        best = (
            Recommendation(
                f"Go on from the best checkpoint (epoch {facts.curves.epoch[at]:.0f}, validation loss "
                f"{number(float(loss.min()), 3)}), not from the weights of the end.",
                "medium",
                "low",
                "low",
                "the loss begins where it was best",
            ),
        )
    advice = (
        remedies.lower_rate(facts, factor=10),
        remedies.clip_gradients(facts),
        remedies.warm_up(),
        *best,
    )
    return Suspicion(
        issue, evidence, Severity.CRITICAL, Confidence.LIKELY, advice, VERIFY, OTHERS, marks, place
    )


CHECK = Check("divergence", look, by_loss=True)
