"""Validation results that are too good too early to be of unseen data.

What it does
    In one of the first three epochs validation accuracy is 95 % or more (UMLAUT's limit) and more than 15
    points above the train accuracy of the epoch after it, and it stays above train accuracy to the end.
    Validation at 99.5 % in the first epoch is only said. Without accuracies: validation loss under half of
    the next epoch's train loss all along is only said.

Why it hurts
    The result will not hold on new data, and every decision made on it is wrong.

What to do
    Count the rows that training and validation data share; fit scalers and vocabularies on training data
    alone; look for a feature that contains the label.

When to ignore
    The task is that easy; dropout, mixup or augmentation make training that much harder.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.instability import turn
from nbtrain.diagnose.learning import PERFECT
from nbtrain.diagnose.outcome import ACCURACY_GAP
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

EARLY_EPOCHS = 3
TOO_GOOD = 0.95
LOSS_RATIO = 0.5
VERIFY = (
    "Split anew by group (person, document, day) and remove shared rows: validation must fall to a "
    "level that rises "
    "with training. Shuffle the labels once: validation must fall to chance."
)
ADVICE = (
    Recommendation(
        "Hash the rows of training and validation data and count what they share; split before augmenting.",
        "high",
        "low",
        "low",
        "0 shared rows",
        {"check_duplicates": True},
    ),
    Recommendation(
        "Split by group where samples belong together (one person, one document, one recording).",
        "high",
        "medium",
        "low",
        "validation falls to what new data will give",
        {"group_split": True},
    ),
    Recommendation(
        "Fit scalers, vocabularies and feature selection on the training data alone.",
        "medium",
        "low",
        "low",
        "validation a little lower, and true",
    ),
    Recommendation(
        "Train on each strong feature alone: one that suffices contains the label.",
        "medium",
        "medium",
        "low",
        "the feature is found, or that kind of leak ruled out",
    ),
)
OTHERS = (
    "An easy task, or a model that was trained before on such data.",
    "Dropout, mixup or augmentation lower the train numbers alone: measure them in eval mode.",
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    if not curves.has_validation:
        yield Gap("no validation numbers")
    elif np.isfinite(curves.val_acc).any():
        yield from _by_accuracy(facts)
    else:
        yield from _by_loss(facts)


def _by_accuracy(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    valid, train = curves.val_acc, curves.train_acc
    early = np.flatnonzero(np.isfinite(valid))[:EARLY_EPOCHS]
    for at in early:
        following = train[at + 1] if at + 1 < len(train) else np.nan
        if not np.isfinite(following) or round(float(valid[at]), 6) < TOO_GOOD:
            continue
        ahead = float(valid[at] - following)
        if round(ahead, 6) > ACCURACY_GAP and facts.recent_val_acc > facts.recent_train_acc:
            yield _said(
                f"Validation accuracy is {100 * valid[at]:.1f} % at epoch {curves.epoch[at]:.0f}, "
                f"{100 * ahead:.1f} points above what training reached one epoch later.",
                f"train accuracy {100 * following:.1f} % at epoch {curves.epoch[at + 1]:.0f}; at the end "
                f"{100 * facts.recent_train_acc:.1f} % against {100 * facts.recent_val_acc:.1f} %",
                float(curves.epoch[at]),
                float(valid[at]),
                "accuracy",
                sure=True,
            )
            return
    if len(early) and facts.epochs >= EARLY_EPOCHS and valid[early[0]] >= PERFECT:
        yield _said(
            f"Validation accuracy is {100 * valid[early[0]]:.1f} % in the first epoch already.",
            "right for an easy task or a model that was trained before; else a feature contains the label",
            float(curves.epoch[early[0]]),
            float(valid[early[0]]),
            "accuracy",
            sure=False,
        )


def _by_loss(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    valid, following = curves.val_loss[:-1], curves.train_loss[1:]
    if facts.history.broken or (len(facts.course[0]) > 3 and turn(curves, facts.course[0])):
        return  # a loss that grows is behind the validation at each epoch's start
    both = np.isfinite(valid) & np.isfinite(following) & (following > 0)
    if both.sum() < EARLY_EPOCHS:
        return
    ratio = valid[both] / following[both]
    if (ratio < LOSS_RATIO).all():
        at = int(np.flatnonzero(both)[0])
        yield _said(
            f"Validation loss is {100 * float(np.median(ratio)):.0f} % of the train loss one epoch "
            "later, all along.",
            f"{number(float(valid[at]), 3)} at epoch {curves.epoch[at]:.0f}, train loss "
            f"{number(float(following[at]), 3)} after it",
            float(curves.epoch[at]),
            float(valid[at]),
            "loss",
            sure=False,
        )


def _said(issue: str, evidence: str, epoch: float, value: float, chart: str, *, sure: bool) -> Suspicion:
    return Suspicion(
        issue,
        evidence,
        Severity.WARNING if sure else Severity.INFO,
        Confidence.LIKELY if sure else Confidence.POSSIBLE,
        ADVICE,
        VERIFY,
        OTHERS,
        (Evidence(chart, "point", epoch, value=value, label="too good"),),
        (epoch, epoch),
    )


CHECK = Check("leakage", look, by_loss=True)
