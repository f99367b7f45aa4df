"""A train loss that has stopped improving while it is still high.

What it does
    No improvement of the train loss by 1 % in the last fifteen epochs: neither the best value of them, nor
    (where single epochs vary by more than a third of a percent) the Theil-Sen line through them. For
    classification the loss must be above 2.0, about ln 8; for other losses, whose scale says nothing, less
    than a third of the start may have been gained (a twentieth where evaluations or parts of a run stand for
    epochs, a tenth where a schedule over the whole run ends low). A classifier that has lost two thirds of
    its loss and has a train accuracy of 75 % has not stalled. Rules of thumb of this project; losslint takes
    1 % in the last quarter.

Why it hurts
    Fifteen epochs without change are an answer; more of the same will not give another.

What to do
    One batch by heart first; then another learning rate, a warm-up, new weights.

When to ignore
    A plateau that the loss has left again; a noise floor that is known to be that high.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.curves import noise
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.learning import HARDLY, LOW_ACCURACY
from nbtrain.diagnose.trend import trend
from nbtrain.findings import Confidence, Severity
from nbtrain.running.limits import HIGH_LOSS, STALL_EPOCHS
from nbtrain.units import number

IMPROVEMENT = 0.01
RISE = 0.25  # of the lowest of the last fifteen epochs
CALM = 0.003  # relative noise of an epoch; below it the best value is no chance
GAINED = 1 / 3  # of the start, for losses without a known scale: more was learned, and this is the floor
MUCH = 0.5  # ... and above this nothing is said at all
LEARNED = 2 / 3  # of the start, for a classifier with a train accuracy of 75 %
PLANNED = 0.1  # of the start, where a schedule over the whole run ended low
MIDDLE, END = 0.25, 0.1  # of the peak rate: a schedule over the whole run, as a cosine has it
VERIFY = "The train loss must fall by more than 1 % within the first five epochs after the change."


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    held = np.flatnonzero(np.isfinite(curves.train_loss))
    losses = curves.train_loss[held]
    if len(losses) <= STALL_EPOCHS:
        yield Gap(f"{len(losses)} epochs with a train loss: a stall is judged from {STALL_EPOCHS + 1}")
        return
    if not stands_still(losses) or _rises(losses):
        return
    if facts.raised_after(int(held[-STALL_EPOCHS])):
        yield Gap("the learning rate was raised within the last fifteen epochs: no stall can be told")
        return
    now = float(np.median(losses[-3:]))
    if facts.classification:
        unsure = False
        learned = facts.gain >= LEARNED and round(facts.recent_train_acc, 6) >= LOW_ACCURACY
        if round(now, 6) <= HIGH_LOSS or learned:  # smoothed labels keep the loss of a good classifier high
            return
    else:
        if not math.isfinite(facts.gain) or facts.gain >= MUCH:
            return
        few = HARDLY if facts.fewer_epochs_than(STALL_EPOCHS) else GAINED
        unsure = facts.gain >= (min(few, PLANNED) if _ran_out_as_planned(facts) else few)
    yield _said(facts, losses, held, now, unsure=unsure)


def _ran_out_as_planned(facts: Facts) -> bool:
    """Say whether the learning rate was high in the middle of the run and low at its end, as a schedule over
    the whole run has it: then a flat end is its.
    """
    rates, peak = facts.rates, facts.peak_lr
    if len(rates) < STALL_EPOCHS or peak is None:
        return False
    low = float(np.median(rates[-STALL_EPOCHS:])) < END * peak
    return low and bool(rates[len(rates) // 2] >= MIDDLE * peak)


def _rises(losses: np.ndarray) -> bool:
    """Say whether the loss left its level upwards: that is another finding's matter."""
    last = losses[-STALL_EPOCHS:]
    return float(np.median(last[-3:]) - last.min()) > RISE * abs(float(last.min()))


def stands_still(losses: np.ndarray) -> bool:
    """Say whether the last fifteen values brought no improvement by 1 %."""
    before, last = losses[:-STALL_EPOCHS], losses[-STALL_EPOCHS:]
    level = abs(float(np.median(last))) or 1.0
    limit = IMPROVEMENT * level
    if float(before.min() - last.min()) < limit:
        return True
    spread = noise(losses[-2 * STALL_EPOCHS :])
    if spread < CALM * level:
        return False
    # noisy: the lowest of many is low by chance, so the line decides; a fall at the end counts too
    line = trend(losses[-STALL_EPOCHS - 1 :])
    fell = float(np.median(losses[-STALL_EPOCHS - 1 :][:5]) - np.median(last[-3:]))
    return -line.change < limit or (not line.sure and fell < max(limit, 2 * spread))


def _said(facts: Facts, losses: np.ndarray, held: np.ndarray, now: float, *, unsure: bool) -> Suspicion:
    epoch = facts.curves.epoch
    best = int(losses.argmin())
    begin, end = float(epoch[held[-STALL_EPOCHS]]), float(epoch[held[-1]])
    lr = facts.peak_lr
    told = f"; learning rate {number(lr, 2)}" if lr else ""
    advice = (
        remedies.memorise_a_batch(),
        remedies.raise_rate(facts),
        remedies.lower_rate(
            facts, factor=10, impact="medium", expected="a loss that bounced at chance begins to fall"
        ),
        remedies.warm_up(),
        Recommendation(
            "Begin with new weights: units that died do not wake at another rate.",
            "medium",
            "low",
            "medium",
            "a loss that falls in the first epoch",
            {"reinitialise": True},
        ),
        remedies.review_code(),
    )
    return Suspicion(
        f"Train loss has not improved by 1 % in the last {STALL_EPOCHS} epochs and is still "
        f"{number(now, 3)}.",
        f"epochs {begin:.0f} to {end:.0f}; best {number(float(losses[best]), 3)} at epoch "
        f"{epoch[held[best]]:.0f}, "
        f"{number(facts.start, 3)} at the start{told}",
        Severity.INFO if unsure else Severity.WARNING,
        Confidence.POSSIBLE if unsure else Confidence.LIKELY,
        advice,
        VERIFY,
        (
            "Labels that do not belong to the inputs: no rate helps; look at ten samples beside their "
            "labels.",
            "The loss's floor is this high: noise in the targets, or a task without one right answer.",
        ),
        (Evidence("loss", "span", begin, end, label=f"{STALL_EPOCHS} epochs without 1 %"),),
        (begin, end),
    )


CHECK = Check("convergence-stall", look, by_loss=True)
