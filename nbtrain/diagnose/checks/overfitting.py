"""The model does better on what it was trained on than on what it has not seen.

What it does
    With accuracies: train accuracy more than 15 points above validation accuracy, means of the last three
    epochs. The 15 points are a rule of thumb of this project; SageMaker Debugger uses a relative loss gap
    of 10 %. Without: validation loss clearly over its best while train loss went on falling. Clear is 10 %
    over the best (running medians of three), three standard deviations of its noise, and 5 % of all it ever
    gained.

Why it hurts
    What was learned beyond the best epoch is the training set's accidents; new data will not have them.

What to do
    More or augmented data, weight decay, dropout, a smaller model; stop at the best epoch.

When to ignore
    Validation accuracy still rises and is what counts: a large gap alone harms nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.outcome import ACCURACY_GAP, validation_rise
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

VERIFY = (
    "Train again with one change: the gap of the last three epochs must shrink while validation "
    "accuracy (or its "
    "best loss) does not get worse."
)
OTHERS = (
    "The validation data may be harder than, or drawn differently from, the training data: train on a "
    "part of it to see.",
    "Training samples that occur many times make train accuracy look better than it is.",
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    if curves.has_accuracy:
        gap = facts.recent_train_acc - facts.recent_val_acc
        if round(gap, 6) > ACCURACY_GAP:
            yield _by_accuracy(facts, gap)
        return
    rise = validation_rise(curves)
    if not curves.has_validation:
        yield Gap("no validation numbers: whether the model overfits cannot be seen")
    elif rise is not None:
        last = float(curves.epoch[-1])
        yield Suspicion(
            f"Validation loss rose {rise.percent:.0f} % over its best while train loss went on falling.",
            f"best {number(rise.best, 3)} at epoch {rise.epoch:.0f}, {number(rise.end, 3)} at the end; "
            "train loss "
            f"fell from {number(rise.train_then, 3)} to {number(rise.train_end, 3)} meanwhile",
            Severity.WARNING,
            Confidence.LIKELY,
            _advice(facts),
            VERIFY,
            OTHERS[:1],
            (Evidence("loss", "gap", rise.epoch, last, label=f"+{rise.percent:.0f} %"),),
            (rise.epoch, last),
        )


def _by_accuracy(facts: Facts, gap: float) -> Suspicion:
    curves = facts.curves
    count = min(3, int(np.isfinite(curves.val_acc).sum()))
    held = curves.epoch[np.isfinite(curves.train_acc) & np.isfinite(curves.val_acc)]
    begin = float(held[-min(3, len(held))]) if len(held) else float(curves.epoch[0])
    # where the two parted: the first epoch from which on the gap stays over the limit
    gaps = curves.train_acc - curves.val_acc
    within = np.flatnonzero(np.isfinite(gaps) & (gaps <= ACCURACY_GAP))
    parted = (
        float(curves.epoch[min(within[-1] + 1, len(gaps) - 1)]) if len(within) else float(curves.epoch[0])
    )
    last = float(curves.epoch[-1])
    return Suspicion(
        f"Train accuracy is {100 * gap:.1f} points above validation accuracy.",
        f"{100 * facts.recent_train_acc:.1f} % against {100 * facts.recent_val_acc:.1f} %, mean of the last "
        f"{count} epoch{'s' if count > 1 else ''} (from epoch {begin:.0f}); the limit is 15 points",
        Severity.WARNING,
        Confidence.LIKELY,
        _advice(facts),
        VERIFY,
        OTHERS,
        (Evidence("accuracy", "gap", min(parted, begin), last, label=f"{100 * gap:.0f} points"),),
        (min(parted, begin), last),
    )


def _advice(facts: Facts) -> tuple[Recommendation, ...]:
    dropout = facts.hints.settings.get("dropout")
    known = isinstance(dropout, (int, float)) and 0 < dropout < 0.5
    rate = round(min(0.5, dropout + 0.2), 2) if known else 0.3
    was = f", now {dropout:g}" if known else ""
    found = [
        Recommendation(
            "Augment the training data (for pictures: crops, flips; for tables: more rows, noise on "
            "features).",
            "high",
            "medium",
            "low",
            "usually the largest part of a gap; validation accuracy rises by points",
            {"augmentation": True},
        ),
        Recommendation(
            f"Dropout {rate:g} before the last layers{was}.",
            "medium",
            "low",
            "low",
            "train accuracy falls, validation accuracy stays or rises by a point or two",
            {"dropout": rate},
        ),
        remedies.decay_weights(facts),
        remedies.stop_at_best(facts),
        Recommendation(
            "A smaller model: half the width of the widest layers.",
            "medium",
            "medium",
            "medium",
            "the gap shrinks; too small shows as both accuracies falling",
        ),
    ]
    return tuple(one for one in found if one is not None)


CHECK = Check("overfitting", look, by_loss=True)
