"""A learning rate that was used up while there was still something to learn.

What it does
    The rate stays under a thousandth of its peak for the last fifth of the epochs or more (the share of the
    alert), and the model is not done: no accuracy of 95 %, and the train loss still above a tenth of its
    start. Of a run that is done it is only said. A warm-up begins low and is none: the rate is measured
    against its peak, after it.

Why it hurts
    Steps that small change nothing: what follows is paid for and lost.

What to do
    Give the schedule the length of the run, or a floor; fewer or later decays.

When to ignore
    The schedule ends low at the very end, as it should; ReduceLROnPlateau at the end of a run that has
    converged.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.learning import PERFECT
from nbtrain.findings import Confidence, Severity
from nbtrain.running.limits import LR_LEFT
from nbtrain.units import number

LOW = 1e-3  # of the peak: "under a thousandth for over a tenth of the steps" (own), here for a fifth
LEAST_EPOCHS = 5
GOOD = 0.95  # train accuracy; what is left to learn is little
LEARNED = 0.1  # of the starting loss, as for the alert of a stall
VERIFY = (
    "The rate of the next run must stay above a hundredth of its peak until the last tenth, and "
    "the loss must go on falling there."
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    rates, epoch = facts.history.column("lr"), facts.curves.epoch
    held = np.flatnonzero(np.isfinite(rates))
    if len(held) < LEAST_EPOCHS:
        yield Gap(f"{len(held)} epochs with a learning rate (`lr`): {LEAST_EPOCHS} are needed")
        return
    values = rates[held]
    top = int(values.argmax())
    peak = float(values[top])
    if peak <= 0:
        return
    high = np.flatnonzero(values >= LOW * peak * (1 - 1e-9))
    first = int(high[-1]) + 1
    low = len(values) - first
    if low < max(2, LR_LEFT * len(values)):
        return
    done = _done(facts)
    begin, end = float(epoch[held[first]]), float(epoch[held[-1]])
    losses = facts.curves.train_loss
    then = losses[held[first]] if np.isfinite(losses[held[first]]) else facts.end
    advice = _advice(peak, begin, low, len(values))
    yield Suspicion(
        f"The learning rate is under a thousandth of its peak from epoch {begin:.0f} on.",
        f"peak {number(peak, 3)} at epoch {epoch[held[top]]:.0f}, {number(float(values[-1]), 3)} at the "
        f"end; {low} of "
        f"{len(values)} epochs at such rates, the train loss from {number(float(then), 3)} to "
        f"{number(facts.end, 3)} in them",
        Severity.INFO if done else Severity.WARNING,
        Confidence.POSSIBLE if done else Confidence.LIKELY,
        advice,
        VERIFY,
        ("The run had converged before: then the rate is not what it lacks.",),
        (
            Evidence("lr", "span", begin, end, label="used up"),
            Evidence("loss", "span", begin, end, label="rate used up"),
        ),
        (begin, end),
    )


def _done(facts: Facts) -> bool:
    """Say whether there is little left to learn."""
    if np.isfinite(facts.curves.train_acc).any():
        return facts.recent_train_acc >= GOOD or facts.recent_val_acc >= PERFECT
    if np.isfinite(facts.curves.val_acc).any() and facts.recent_val_acc >= GOOD:
        return True
    return facts.gain > 1 - LEARNED


def _advice(peak: float, begin: float, low: int, count: int) -> tuple[Recommendation, ...]:
    return (
        Recommendation(
            f"Give the schedule the length of the run ({count} epochs), or a floor of "
            f"{number(peak / 100, 2)}.",
            "high",
            "low",
            "low",
            "the loss goes on falling after that epoch",
            {"scheduler": "cosine", "min_lr": remedies.two_digits(peak / 100)},
        ),
        Recommendation(
            f"Or end the run at epoch {begin:.0f}: what follows changes nothing.",
            "medium",
            "low",
            "low",
            f"{low} epochs saved, the same model",
            {"epochs": max(int(begin), 1)},
        ),
        Recommendation(
            "Decay later or less: a step of 0.1 at half and three quarters of the run, from "
            f"{number(peak, 2)}.",
            "medium",
            "low",
            "low",
            "most of the epochs at a rate that moves the weights",
        ),
    )


CHECK = Check("lr-exhausted", look, by_loss=True)
