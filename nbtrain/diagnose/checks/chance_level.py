"""The model answers as well as guessing.

What it does
    Validation accuracy (means of the last three epochs) within two tenths of 1/C, and the loss within 3 %
    of ln C, the loss of equal probabilities; C is the number of classes where it is known, else the whole
    number that fits both. Without accuracies a flat loss within 1 % of ln C for C of 2, 10, 100 or 1000 is
    only said. Needs five epochs.

Why it hurts
    Nothing of the input reaches the output, or nothing of the labels belongs to the inputs.

What to do
    Ten inputs beside their labels; one batch by heart; which parameters the optimizer holds.

When to ignore
    The first epochs of a hard task; labels that were shuffled on purpose, as a control.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.curves import recent
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.trend import trend
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

LEAST_EPOCHS = 5
NEAR_ACCURACY, NEAR_LOSS, NEAR_LOSS_ALONE = 0.2, 0.03, 0.01
USUAL_CLASSES = (2, 10, 100, 1000)
FLAT = 0.02  # of the level, over the last half
VERIFY = (
    "One batch learned by heart (loss to almost 0) proves model, loss and optimizer; then the data "
    "is to blame."
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    if facts.epochs < LEAST_EPOCHS:
        yield Gap(f"{facts.epochs} epochs: the level of guessing is judged from {LEAST_EPOCHS}")
        return
    accuracy = facts.recent_val_acc if np.isfinite(facts.recent_val_acc) else facts.recent_train_acc
    loss = recent(curves.train_loss)
    if not math.isfinite(loss):
        yield Gap("no train loss")
        return
    if math.isfinite(accuracy):
        classes = facts.hints.classes or (round(math.exp(loss)) if 0.3 < loss < 12 else 0)
        if (
            classes >= 2
            and abs(loss - math.log(classes)) <= NEAR_LOSS * math.log(classes)
            and (abs(accuracy * classes - 1) <= NEAR_ACCURACY)
        ):
            yield _said(
                facts,
                classes,
                loss,
                f"; accuracy {100 * accuracy:.1f} %, guessing gives {100 / classes:.1f} %",
                sure=True,
            )
        return
    line = trend(curves.train_loss[len(curves.train_loss) // 2 :])
    known = (facts.hints.classes,) if facts.hints.classes else USUAL_CLASSES
    for classes in known:
        chance = math.log(classes)
        if (
            abs(loss - chance) <= NEAR_LOSS_ALONE * chance
            and abs(line.change) <= FLAT * chance
            and not facts.gain > 0.1
        ):
            yield _said(facts, classes, loss, "; no accuracy to confirm it", sure=bool(facts.hints.classes))
            return


def _said(facts: Facts, classes: int, loss: float, more: str, *, sure: bool) -> Suspicion:
    begin, end = float(facts.curves.epoch[0]), float(facts.curves.epoch[-1])
    advice = (
        Recommendation(
            "Look at ten inputs beside their labels: shuffled apart, an off-by-one, a wrong join?",
            "high",
            "low",
            "low",
            "labels that fit by eye, or the fault found",
        ),
        remedies.memorise_a_batch(),
        remedies.review_code(),
        remedies.lower_rate(
            facts,
            factor=10,
            impact="medium",
            expected="a loss that leapt at first and came back to chance now falls",
        ),
        remedies.raise_rate(facts, impact="low"),
    )
    return Suspicion(
        f"Train loss {number(loss, 4)} is that of guessing among {classes:,} classes (ln {classes:,} = "
        f"{number(math.log(classes), 4)}).",
        f"mean of the last three epochs{more}",
        Severity.WARNING if sure else Severity.INFO,
        Confidence.LIKELY if sure else Confidence.POSSIBLE,
        advice,
        VERIFY,
        (
            "Labels that do not belong to the inputs.",
            "A learning rate so high that units died in the first steps, or so low that nothing has "
            "moved yet.",
            "Frozen or forgotten parameters: the optimizer holds others than the model's.",
        ),
        (Evidence("loss", "span", begin, end, label=f"ln {classes}"),),
        (begin, end),
    )


CHECK = Check("chance-level", look, by_loss=True)
