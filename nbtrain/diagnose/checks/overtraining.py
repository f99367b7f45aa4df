"""The best epoch is long past, and what followed made validation worse.

What it does
    Validation loss was best in the first half of the run and at least ten epochs ago (SageMaker Debugger's
    patience), ends clearly above it (as for overfitting, and at least a fifth: trainproof's 1.2), train
    loss went on falling, and validation accuracy, where known, has not become better by half a point since.
    Where it has, or the best epoch is nearer, it is only said.

Why it hurts
    The epochs after the best one cost time and spoil the weights that are kept at the end.

What to do
    Early stopping and the weights of the best epoch.

When to ignore
    Only the accuracy counts and it still rises: a loss may rise with surer wrong answers meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.curves import present, recent
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.outcome import validation_rise
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

PATIENCE = 10  # epochs
CLEAR_PERCENT = 20.0
BETTER = 0.005  # of accuracy
VERIFY = (
    "Train again with the patience above: the best validation loss must be the same or lower, in "
    "fewer epochs."
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    if np.isfinite(curves.val_loss).sum() < 5:
        yield Gap("fewer than five validation losses: where the best epoch is cannot be told")
        return
    rise = validation_rise(curves)
    if rise is None:
        return
    held = np.isfinite(curves.val_loss)
    after = int((held & (curves.epoch > rise.epoch)).sum())
    long_past = after >= PATIENCE and 2 * after >= int(held.sum()) and rise.percent >= CLEAR_PERCENT
    better = _accuracy_since(facts)
    unsure = not long_past or better > BETTER
    if unsure and not curves.has_accuracy:
        return  # then it is overfitting, and said so
    end = float(curves.epoch[-1])
    told = ""
    if np.isfinite(better):
        told = f"; validation accuracy {100 * better:+.1f} points against its first half"
    advice = tuple(
        one
        for one in (
            remedies.stop_at_best(facts, impact="high"),
            Recommendation(
                f"Fewer epochs: {_rounded(rise.epoch)} with a schedule that ends there.",
                "medium",
                "low",
                "low",
                f"{after - 1} epochs saved",
                {"epochs": _rounded(rise.epoch)},
            ),
            remedies.decay_weights(facts),
        )
        if one is not None
    )
    yield Suspicion(
        f"Validation loss was best at epoch {rise.epoch:.0f} and is {rise.percent:.0f} % higher at the end.",
        f"{number(rise.best, 3)} then, {number(rise.end, 3)} at the end, {after} epochs later; train "
        "loss fell from "
        f"{number(rise.train_then, 3)} to {number(rise.train_end, 3)}{told}",
        Severity.INFO if unsure else Severity.WARNING,
        Confidence.POSSIBLE if unsure else Confidence.LIKELY,
        advice,
        VERIFY,
        ("A model that grows surer of its few wrong answers: the loss rises, the accuracy does not fall.",),
        (
            Evidence("loss", "point", rise.epoch, value=rise.best, label=f"best, epoch {rise.epoch:.0f}"),
            Evidence("loss", "span", rise.epoch, end, label="past the best"),
        ),
        (rise.epoch, end),
    )


def _accuracy_since(facts: Facts) -> float:
    """Return how far validation accuracy lies above the best of the run's first half (means of three epochs);
    NaN without accuracies.
    """
    known = present(facts.curves.val_acc)
    first = known[: max(len(known) // 2, 3)]
    if len(first) < 3:
        return float("nan")
    return recent(known) - float(np.convolve(first, np.full(3, 1 / 3), "valid").max())


def _rounded(epoch: float) -> int:
    return int(epoch) + max(2, int(epoch) // 5)


CHECK = Check("overtraining", look, by_loss=True)
