"""Validation numbers that only the data can explain.

What it does
    Validation accuracy that varies by more than 8 points: largest minus smallest of the last quarter of the
    epochs, at least five, after a straight line is taken out; a curve that only climbs, however bent, is
    none. Or validation accuracy more than 15 points above train accuracy (means of the last three epochs,
    and against the train accuracy of the next epoch, since an epoch's mean lags behind its end). Rules of
    thumb of this project.

Why it hurts
    Nothing that is decided on such numbers can be trusted: which epoch is best, which of two runs is
    better.

What to do
    Check labels, class balance, size and origin of the validation data; look for training samples among it.

When to ignore
    Strong dropout or augmentation lowers train accuracy; a validation set of some dozens of samples jumps
    by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.outcome import ACCURACY_GAP, gap_to_next, validation_spread
from nbtrain.findings import Confidence, Severity

VERIFY_SPREAD = (
    "Validate the same weights on a larger or reshuffled split: the spread of the last "
    "epochs must fall below 8 points."
)
VERIFY_ABOVE = (
    "Measure train accuracy once in eval mode, without dropout and augmentation: if it is not below "
    "validation "
    "accuracy any more, nothing is wrong. Else count the rows that both sets have."
)
LEAKS = Recommendation(
    "Look for training samples among the validation data: hash the rows of both and count what they share.",
    "high",
    "low",
    "low",
    "0 shared rows; without them validation accuracy falls to what is true",
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    if not np.isfinite(curves.val_acc).any():
        yield Gap("no validation accuracy: how much it varies cannot be seen")
        return
    if (spread := validation_spread(curves)) is not None:
        first = np.flatnonzero(np.isfinite(curves.val_acc))[-spread[1]]
        if facts.raised_after(int(first)):
            yield Gap("the learning rate was raised within the last quarter: accuracy may follow the restart")
        else:
            yield _varies(facts, *spread)
    if not curves.has_accuracy:
        return
    gap = min(facts.recent_val_acc - facts.recent_train_acc, gap_to_next(curves))
    if round(gap, 6) > ACCURACY_GAP:
        yield _above(facts, gap)


def _varies(facts: Facts, spread: float, count: int) -> Suspicion:
    curves = facts.curves
    held = np.flatnonzero(np.isfinite(curves.val_acc))[-count:]
    begin, end = float(curves.epoch[held[0]]), float(curves.epoch[held[-1]])
    low = held[int(np.argmin(curves.val_acc[held]))]
    samples = facts.hints.val_samples
    size = f" ({samples:,} samples now)" if samples else ""
    advice = _advice_on_spread(facts, size)
    return Suspicion(
        f"Validation accuracy varies by {100 * spread:.1f} points from epoch to epoch.",
        f"spread of the last {count} epochs ({begin:.0f} to {end:.0f}), trend taken out; the limit is 8 "
        "points; "
        f"lowest {100 * curves.val_acc[low]:.1f} % at epoch {curves.epoch[low]:.0f}",
        Severity.WARNING,
        Confidence.LIKELY,
        advice,
        VERIFY_SPREAD,
        (
            "A learning rate that is too high moves the weights so far that accuracy jumps, whatever "
            "the data.",
            "A validation set of a few dozen samples jumps by itself: one sample in 50 is two points.",
            "Batch norm statistics of small batches change validation from epoch to epoch.",
        ),
        (
            Evidence("accuracy", "span", begin, end, label=f"varies by {100 * spread:.0f} points"),
            Evidence(
                "accuracy",
                "point",
                float(curves.epoch[low]),
                value=float(curves.val_acc[low]),
                label="lowest",
            ),
        ),
        (begin, end),
    )


def _above(facts: Facts, gap: float) -> Suspicion:
    curves = facts.curves
    begin, end = float(curves.epoch[-min(3, len(curves.epoch))]), float(curves.epoch[-1])
    advice = (
        LEAKS,
        Recommendation(
            "Measure train accuracy in eval mode, without dropout and augmentation, on the same weights.",
            "high",
            "low",
            "low",
            "the difference vanishes if dropout or augmentation made it",
        ),
        Recommendation(
            "Check labels of the training data: wrong ones lower train accuracy alone.",
            "medium",
            "medium",
            "low",
            "train accuracy rises to validation's",
        ),
    )
    return Suspicion(
        f"Validation accuracy is {100 * gap:.1f} points above train accuracy.",
        f"{100 * facts.recent_val_acc:.1f} % against {100 * facts.recent_train_acc:.1f} %, mean of the "
        "last three epochs; "
        "training samples among the validation data (a leak) or wrong labels in the training data would "
        "do it",
        Severity.WARNING,
        Confidence.LIKELY,
        advice,
        VERIFY_ABOVE,
        (
            "Strong dropout or augmentation lowers train accuracy and leaves validation alone.",
            "An easier validation set: other sources, fewer classes.",
        ),
        (Evidence("accuracy", "gap", begin, end, label=f"{100 * gap:.0f} points above"),),
        (begin, end),
    )


def _advice_on_spread(facts: Facts, size: str) -> tuple[Recommendation, ...]:
    return (
        Recommendation(
            "Check labels by eye where the model is most sure and wrong: 50 samples take a quarter of "
            "an hour.",
            "high",
            "medium",
            "low",
            "wrong labels show within the first dozen",
        ),
        Recommendation(
            "Compare the classes' shares in training and validation data; split stratified, by a fixed seed.",
            "high",
            "low",
            "low",
            "the spread falls if a rare class decided it",
            {"stratified_split": True},
        ),
        Recommendation(
            f"A larger validation set{size}, or the mean of several splits.",
            "medium",
            "medium",
            "low",
            "the spread shrinks with the square root of its size",
        ),
        remedies.lower_rate(
            facts, impact="medium", expected="a spread that shrinks was the rate's, not the data's"
        ),
        LEAKS,
    )


CHECK = Check("data-quality", look)
