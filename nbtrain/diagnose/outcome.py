"""The verdict on a training: converged, overfitting, underfitting, unstable or unclear, with the numbers it
rests on.

Thresholds on accuracies hold strictly, after rounding to 1e-6, on the mean of the last three epochs that have
them. They are rules of thumb: a gap over 15 points is overfitting, both under 75 % is underfitting, a
validation accuracy that varies by over 8 points in the last quarter (at least five epochs, linear trend taken
out) is a question for the data. Runs without accuracies are judged by the shape of their losses. Where there
is too little to see, the verdict is "unclear" and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from nbtrain.diagnose.advice import advise
from nbtrain.diagnose.curves import (
    Curves,
    detrended_spread,
    noise,
    present,
    read_curves,
    recent,
    smooth,
    start_error,
    start_loss,
)
from nbtrain.diagnose.instability import finding, instabilities
from nbtrain.findings import Confidence, Finding, Severity
from nbtrain.units import number

Kind = Literal["converged", "overfitting", "underfitting", "unstable", "unclear"]

LEAST_EPOCHS = 3  # fewer show no trend that noise could not make
ACCURACY_GAP = 0.15
LOW_ACCURACY = 0.75
ACCURACY_SPREAD = 0.08

_RISE = 0.10  # validation loss over its best, relative to the best, that counts as clear
_RISE_OF_DROP = 0.05  # ... and relative to all that validation loss ever gained
_HARDLY = 0.05  # share of the starting loss; less is no progress
_NOISES = 3  # ... and in standard deviations of its noise


@dataclass(frozen=True)
class Outcome:
    """A verdict.

    Attributes:
        kind: converged, overfitting, underfitting, unstable, or unclear where there is too little to see.
        findings: what is wrong, the one to act on first in front; empty for a healthy run.
        recommendations: what to do next, best first, with numbers.
        headline: the verdict in one sentence, with its numbers.
        tone: good, info, warning or critical.
    """

    kind: Kind
    findings: tuple[Finding, ...]
    recommendations: tuple[str, ...]
    headline: str = ""
    tone: str = "info"


def outcome(epochs: pd.DataFrame, history: pd.DataFrame, *, status: str) -> Outcome:
    """Judge a training by its curves.

    Args:
        epochs: one row an epoch; columns epoch, train_loss, val_loss, train_acc, val_acc, lr, each optional.
        history: indexed by step; columns train_loss, grad_norm, lr, each optional.
        status: how the run ended, a word of `run.status`.
    """
    curves = read_curves(epochs, history)
    findings = instabilities(curves, str(status))
    if findings:
        return _verdict("unstable", findings, curves)
    if curves.epochs < LEAST_EPOCHS:
        return _too_short(curves)
    overfitting = _overfitting(curves)
    underfitting = _underfitting(curves) if not overfitting else []
    doubts = _doubtful_data(curves)
    remarks = _remarks(curves)
    if overfitting:
        return _verdict("overfitting", [*overfitting, *doubts], curves)
    if underfitting:
        return _verdict("underfitting", [*underfitting, *doubts], curves)
    if doubts and doubts[0].details.get("varies"):
        return _verdict("unstable", doubts, curves)
    if _still_improving(curves) and not (curves.has_accuracy and recent(curves.val_acc) >= LOW_ACCURACY):
        return Outcome(
            "unclear", (*doubts, *remarks), advise("improving", curves), _improving_text(curves), "info"
        )
    tone = "warning" if doubts else "good"
    return Outcome(
        "converged", (*doubts, *remarks), advise("converged", curves), _converged_text(curves), tone
    )


def _verdict(kind: Kind, findings: list[Finding], curves: Curves) -> Outcome:
    first = findings[0]
    headline = f"{kind.capitalize()}: {first.issue[0].lower()}{first.issue[1:]}"
    tone = "critical" if first.severity is Severity.CRITICAL else "warning"
    return Outcome(kind, tuple(findings), advise(kind, curves), headline, tone)


def _too_short(curves: Curves) -> Outcome:
    count = curves.epochs
    seen = "No epoch was finished" if count == 0 else f"Only {count} epoch{'s' if count > 1 else ''} finished"
    return Outcome(
        "unclear",
        (),
        advise("short", curves),
        f"{seen}: at least {LEAST_EPOCHS} are needed to judge a trend.",
        "info",
    )


def _overfitting(curves: Curves) -> list[Finding]:
    if curves.has_accuracy:
        train, valid = recent(curves.train_acc), recent(curves.val_acc)
        if round(train - valid, 6) <= ACCURACY_GAP:
            return []
        issue = f"Train accuracy is {100 * (train - valid):.1f} points above validation accuracy."
        count = min(3, int(np.isfinite(curves.val_acc).sum()))
        evidence = (
            f"{100 * train:.1f} % against {100 * valid:.1f} %, mean of the last {count} epochs; the limit is "
            "15 points"
        )
        return [finding("overfitting", Severity.WARNING, issue, evidence, Confidence.LIKELY)]
    rise = validation_rise(curves)
    if rise is None:
        return []
    issue = f"Validation loss rose {rise.percent:.0f} % over its best while train loss went on falling."
    evidence = (
        f"best {number(rise.best, 3)} at epoch {rise.epoch:.0f}, {number(rise.end, 3)} at the end; "
        f"train loss fell from {number(rise.train_then, 3)} to {number(rise.train_end, 3)} meanwhile"
    )
    return [finding("overfitting", Severity.WARNING, issue, evidence, Confidence.LIKELY)]


@dataclass(frozen=True)
class Rise:
    """A clear rise of validation loss over its best while train loss falls."""

    epoch: float
    best: float
    end: float
    train_then: float
    train_end: float

    @property
    def percent(self) -> float:
        return 100 * (self.end - self.best) / max(abs(self.best), 1e-12)


def validation_rise(curves: Curves) -> Rise | None:
    """Return the rise of validation loss, if it is clear: 10 % over its best, over its noise, and train loss
    still falls.

    The best is the minimum of running medians, at least two epochs before the end; the end is the median of
    the last three.
    """
    held = np.isfinite(curves.val_loss)
    valid, train, epoch = curves.val_loss[held], curves.train_loss[held], curves.epoch[held]
    if len(valid) < 5:
        return None
    calm = smooth(valid)
    at = int(calm.argmin())
    best, end = float(calm[at]), float(np.median(valid[-3:]))
    # the first epochs of a badly scaled start can be a hundred times higher than all that follows
    gain = max(float(calm[min(len(calm) // 10, at)]) - best, 0.0)
    limit = max(_RISE * abs(best), _NOISES * noise(valid), _RISE_OF_DROP * gain)
    if at >= len(valid) - 2 or end - best <= limit:
        return None
    then, now = recent(train[: at + 1], 1), recent(train)
    if not now < then:
        return None
    lowest = max(at - 1, 0) + int(valid[max(at - 1, 0) : at + 2].argmin())
    return Rise(float(epoch[lowest]), float(valid[lowest]), end, then, now)


def _underfitting(curves: Curves) -> list[Finding]:
    if curves.has_accuracy:
        train, valid = recent(curves.train_acc), recent(curves.val_acc)
        if round(train, 6) >= LOW_ACCURACY or round(valid, 6) >= LOW_ACCURACY:
            return []
        issue = (
            f"Train accuracy {100 * train:.1f} % and validation accuracy {100 * valid:.1f} % are both below "
            "75 %."
        )
        evidence = (
            "mean of the last three epochs; 75 % is a rule of thumb, and tasks without one right answer, "
            "such as the next letter of a text, stay below it"
        )
        return [finding("underfitting", Severity.WARNING, issue, evidence, Confidence.POSSIBLE)]
    first, end = start_loss(curves), recent(curves.train_loss)
    if curves.epochs < 5 or not first > 0 or not np.isfinite(end) or _still_improving(curves):
        return []
    drop = (first - end) / first
    by_epoch = 1 - end / present(curves.train_loss)[0]
    if by_epoch >= _HARDLY or drop >= max(_HARDLY, start_error(curves)):
        return []
    issue = f"Train loss hardly moved: {number(first, 3)} at the start, {number(end, 3)} at the end."
    evidence = (
        f"{100 * drop:.1f} % in {curves.epochs} epochs; expected of a model that was trained before, of no "
        "other"
    )
    return [finding("underfitting", Severity.WARNING, issue, evidence, Confidence.LIKELY)]


def _doubtful_data(curves: Curves) -> list[Finding]:
    found = []
    accuracies = present(curves.val_acc)
    last = accuracies[-max(5, len(accuracies) // 4) :]
    spread = detrended_spread(last)
    # a curve that bends, as at the start of a short run, leaves a spread too: it must have gone down as well
    fell = float((np.maximum.accumulate(last) - last).max()) if len(last) else 0.0
    if len(last) >= 5 and round(spread, 6) > ACCURACY_SPREAD and fell > ACCURACY_SPREAD / 2:
        issue = f"Validation accuracy varies by {100 * spread:.1f} points from epoch to epoch."
        evidence = f"spread of the last {len(last)} epochs, trend taken out; the limit is 8 points"
        found.append(
            Finding(
                "data-quality",
                Severity.WARNING,
                issue,
                evidence=evidence,
                confidence=Confidence.LIKELY,
                details={"varies": True},
            )
        )
    gap = recent(curves.val_acc) - recent(curves.train_acc)
    if curves.has_accuracy and round(gap, 6) > ACCURACY_GAP:
        issue = f"Validation accuracy is {100 * gap:.1f} points above train accuracy."
        evidence = (
            "training samples among the validation data would do it; so would strong dropout or augmentation"
        )
        found.append(finding("data-quality", Severity.WARNING, issue, evidence, Confidence.POSSIBLE))
    return found


def _remarks(curves: Curves) -> list[Finding]:
    """What is worth knowing of a healthy run."""
    found = []
    if not curves.has_validation:
        issue = "There was no validation data: whether the model overfits cannot be seen."
        found.append(
            finding(
                "no-validation", Severity.INFO, issue, "no validation loss in any epoch", Confidence.CERTAIN
            )
        )
    rise = validation_rise(curves) if curves.has_accuracy else None
    if rise is not None:
        issue = (
            f"Validation loss was best at epoch {rise.epoch:.0f} and is {rise.percent:.0f} % higher at the "
            "end."
        )
        evidence = (
            f"{number(rise.best, 3)} then, {number(rise.end, 3)} at the end; accuracy did not suffer beyond "
            "the limits"
        )
        found.append(finding("overtraining", Severity.INFO, issue, evidence, Confidence.LIKELY))
    return found


def _still_improving(curves: Curves) -> bool:
    """The last fifth of the epochs brought over 10 % of the whole gain and of the level, beyond the noise."""
    values = present(
        curves.val_loss if np.isfinite(curves.val_loss).sum() >= LEAST_EPOCHS else curves.train_loss
    )
    if len(values) < LEAST_EPOCHS:
        return False
    span = max(1, len(values) // 5)
    now, before = float(values[-span:].mean()), float(values[-2 * span : -span].mean())
    gain = max(max(start_loss(curves), float(values[0])) - now, 1e-12)
    step = before - now
    return step > 0.10 * gain and step > 0.10 * abs(before) and step > _NOISES * noise(values) / np.sqrt(span)


def _improving_text(curves: Curves) -> str:
    what = "validation loss" if np.isfinite(curves.val_loss).any() else "train loss"
    values = present(curves.val_loss if what == "validation loss" else curves.train_loss)
    return (
        f"Healthy so far, and not done: {what} was still falling at the end, from {number(values[0], 3)} to "
        f"{number(values[-1], 3)} over {len(values)} epochs."
    )


def _converged_text(curves: Curves) -> str:
    parts = []
    if np.isfinite(curves.val_loss).any():
        best = int(np.nanargmin(curves.val_loss))
        parts.append(
            f"best validation loss {number(curves.val_loss[best], 3)} at epoch {curves.epoch[best]:.0f}"
        )
    else:
        parts.append(f"train loss {number(recent(curves.train_loss, 1), 3)} at the end")
    if curves.has_accuracy:
        train, valid = recent(curves.train_acc), recent(curves.val_acc)
        parts.append(f"validation accuracy {100 * valid:.1f} %")
        side = "below" if train >= valid else "above"
        parts.append(f"{abs(100 * (train - valid)):.1f} points {side} train accuracy")
    else:
        parts.append(f"down from {number(start_loss(curves), 3)} at the start")
    return f"Converged: {', '.join(parts)}."
