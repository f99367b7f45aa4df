"""The model has not learned what the data could teach it, not even of the samples it was trained on.

What it does
    Train and validation accuracy both below 75 %, means of the last three epochs: a rule of thumb of this
    project. Accuracies of positions (the letters of a text) are not held to it; those of a run of three
    epochs or fewer whose last epoch reached 75 % are only said. Without accuracies: a train loss that lost
    less than 5 % of its start in five to fifteen epochs (`nbtrain.diagnose.learning`), and is only said
    where it fell surely and ever slower; a longer one is a stall.

Why it hurts
    Regularising or collecting data cannot help a model that does not fit what it has.

What to do
    Train longer if the curves still move, then the learning rate, then a larger model, less regularisation.

When to ignore
    Tasks without one right answer stay below 75 % when all is well; compare with a simple baseline.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.curves import present, recent
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.learning import (
    LEAST_EPOCHS,
    LOW_ACCURACY,
    accuracy_will_do,
    leapt,
    loss_never_fell,
    loss_still_falls,
)
from nbtrain.diagnose.trend import trend
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

ROSE = 0.2  # of the start
SOME = 0.01  # of the start
STRAIGHT = 0.7  # of the pace of the first half, as in slow-convergence
SHAPE_EPOCHS = (5, 15)  # of a loss alone: fewer say nothing, more are a stall
VERIFY = (
    "Train accuracy must rise first: with the change, it must be higher after the same number of "
    "epochs. Only then "
    "look at validation."
)
OTHERS = (
    "75 % is a rule of thumb: a task with many classes, noisy labels or no single right answer may not "
    "allow more. "
    "Compare with a simple model and with naming the most frequent class.",
    "Labels that do not belong to their inputs look the same: check ten samples by eye.",
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    if not curves.has_accuracy:
        yield from _by_shape(facts)
        return
    train, valid = facts.recent_train_acc, facts.recent_val_acc
    if round(train, 6) >= LOW_ACCURACY or round(valid, 6) >= LOW_ACCURACY:
        return
    reached = (
        facts.epochs <= LEAST_EPOCHS
        and max(recent(curves.train_acc, 1), recent(curves.val_acc, 1)) >= LOW_ACCURACY
    )
    positions = facts.counted == "positions"
    moving = accuracy_will_do(curves) or loss_still_falls(curves)
    count = min(3, facts.epochs)
    evidence = (
        f"{100 * train:.1f} % and {100 * valid:.1f} %, mean of the last {count} "
        f"epoch{'s' if count > 1 else ''}; "
        "the limit is 75 % for both"
    )
    others = OTHERS
    if positions:
        others = (
            "These accuracies count positions, not samples (letters of a text, pixels): 75 % need not "
            "be possible.",
            *OTHERS,
        )
    if reached:
        others = ("The run is short and still rising: its last epoch is above the limit.", *OTHERS)
    if moving:
        evidence += "; it was still rising at the end"
    unsure = positions or reached
    yield Suspicion(
        "Train and validation accuracy are both below 75 %.",
        evidence,
        Severity.INFO if unsure else Severity.WARNING,
        Confidence.POSSIBLE if unsure else Confidence.LIKELY,
        _advice(facts, moving=moving),
        VERIFY,
        others,
        (
            Evidence(
                "accuracy", "span", float(curves.epoch[-count]), float(curves.epoch[-1]), label="both < 75 %"
            ),
        ),
        (float(curves.epoch[-count]), float(curves.epoch[-1])),
    )


def _by_shape(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves, (least, most) = facts.curves, SHAPE_EPOCHS
    if curves.epochs < least:
        yield Gap(f"no accuracies and {curves.epochs} epochs with a loss: too few to judge by shape")
        return
    if curves.epochs > most or facts.history.broken or not loss_never_fell(curves):
        return
    if facts.gain < -ROSE:
        return  # it grew: another finding's matter
    settled = facts.gain >= SOME and _settled(present(curves.train_loss))
    shape = "; it fell surely, and levels off" if settled else ""
    first, last = float(curves.epoch[0]), float(curves.epoch[-1])
    yield Suspicion(
        f"Train loss hardly moved: {number(facts.start, 3)} at the start, {number(facts.end, 3)} at the end.",
        f"{100 * facts.gain:.1f} % in {curves.epochs} epochs{shape}",
        Severity.INFO if settled else Severity.WARNING,
        Confidence.POSSIBLE if settled else Confidence.LIKELY,
        _advice(facts, moving=False),
        VERIFY,
        ("Expected of a model that was trained before and is only being adapted; of no other.",),
        (Evidence("loss", "span", first, last, label="hardly moved"),),
        (first, last),
        vague=True,
    )


def _settled(losses: np.ndarray) -> bool:
    """Say whether a loss fell surely after its first value, and ever slower: the little there was to learn
    was learned, as where a model is only adapted. Too low a rate makes a straight line, chance a flat one.
    """
    later = losses[1:]
    half = len(later) // 2
    if half < 2 or not (trend(later).sure and trend(later).slope < 0):
        return False
    early, late = trend(later[: half + 1]), trend(later[half:])
    return early.slope < 0 and late.slope > STRAIGHT * early.slope


def _advice(facts: Facts, *, moving: bool) -> tuple[Recommendation, ...]:
    rate = remedies.lower_rate(facts, factor=10) if leapt(facts.curves) else remedies.raise_rate(facts)
    settings = facts.hints.settings
    loosen = None
    if any(
        isinstance(settings.get(name), (int, float)) and settings[name] > 0
        for name in ("dropout", "weight_decay")
    ):
        loosen = Recommendation(
            "Less regularisation: no dropout, a tenth of the weight decay.",
            "medium",
            "low",
            "low",
            "train accuracy rises at once if that was what held it down",
            {"dropout": 0.0},
        )
    found = [
        remedies.longer(facts, impact="high" if moving else "low"),
        rate,
        Recommendation(
            "A larger model: twice the width, or a layer more.",
            "high",
            "medium",
            "medium",
            "train accuracy rises; if it does not, capacity was not what was missing",
            {"model_scale": 2.0},
        ),
        loosen,
        remedies.memorise_a_batch(impact="medium"),
    ]
    return tuple(one for one in found if one is not None)


CHECK = Check("underfitting", look, by_loss=True)
