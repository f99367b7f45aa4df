"""A loss that falls steadily and far too slowly.

What it does
    Ten epochs or more, the train loss lost less than a quarter of its start, still falls surely in its
    second half (Theil-Sen line, three standard errors), and the second half brought at least seven tenths
    of what the first one did: a straight line, not the tail of a curve. With accuracies it is only said of
    those below 75 %. AutoTrainer: under one point of accuracy gained in 30 % of the epochs.

Why it hurts
    At this pace the run ends long before it is good; the hours are spent on crossing a slope.

What to do
    Raise the learning rate (lr-find says how far), scale the inputs, Adam instead of plain SGD.

When to ignore
    Fine-tuning begins close to its end: a slow fall is what it looks like.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.checks.convergence_stall import stands_still
from nbtrain.diagnose.curves import present
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.learning import HARDLY, LOW_ACCURACY
from nbtrain.diagnose.trend import trend
from nbtrain.findings import Confidence, Severity
from nbtrain.running.limits import STALL_EPOCHS
from nbtrain.units import number

LEAST_EPOCHS = 10
LITTLE = 0.25  # of the starting loss
STRAIGHT = 0.7  # of what the first half brought
VERIFY = (
    "After the same number of epochs the train loss of the next run must have fallen at least twice as far."
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    losses = present(curves.train_loss)
    if len(losses) < LEAST_EPOCHS:
        yield Gap(f"{len(losses)} epochs with a train loss: a pace is judged from {LEAST_EPOCHS}")
        return
    if facts.fewer_epochs_than(LEAST_EPOCHS) and facts.gain > HARDLY:
        yield Gap("the data were seen in part, or few times: a model that is only adapted falls like this")
        return
    if not math.isfinite(facts.gain) or facts.gain >= LITTLE or facts.gain <= 0:
        return
    if np.isfinite(curves.train_acc).any() and round(facts.recent_train_acc, 6) >= LOW_ACCURACY:
        return
    if len(losses) > STALL_EPOCHS and stands_still(losses):
        return  # under 1 % in fifteen epochs is a stall
    half = len(losses) // 2
    late, whole = trend(losses[half:]), trend(losses)
    early = trend(losses[: half + 1])
    if late.slope >= 0 or not late.sure or not whole.sure or late.change > STRAIGHT * early.change:
        return
    pace = -late.slope
    to_half = math.ceil(max(facts.end - facts.start / 2, 0) / pace) if facts.start > 0 else None
    begin, end = float(curves.epoch[0]), float(curves.epoch[-1])
    more = f"; at this pace half of the start is {to_half:,} epochs away" if to_half else ""
    yield Suspicion(
        f"Train loss falls steadily, by {number(pace, 2)} an epoch: {100 * facts.gain:.0f} % in "
        f"{len(losses)} epochs.",
        f"{number(facts.start, 3)} at the start, {number(facts.end, 3)} at the end; the second half of "
        "the run fell as "
        f"fast as the first{more}",
        Severity.WARNING,
        Confidence.LIKELY,
        (
            remedies.raise_rate(facts, factor=10),
            Recommendation(
                "AdamW instead of plain SGD, or momentum 0.9.",
                "medium",
                "low",
                "low",
                "a loss that falls several times as fast at the start",
                {"optimizer": "AdamW"},
            ),
            Recommendation(
                "Scale the inputs to mean 0 and standard deviation 1, and regression targets too.",
                "medium",
                "low",
                "low",
                "gradients of a usual size from the first step",
            ),
            remedies.longer(facts, impact="low"),
        ),
        VERIFY,
        (
            "A model that was trained before begins close to its end.",
            "Gradients that hardly reach the first layers.",
        ),
        (Evidence("loss", "span", begin, end, label=f"−{number(pace, 2)} an epoch"),),
        (begin, end),
    )


CHECK = Check("slow-convergence", look, by_loss=True)
