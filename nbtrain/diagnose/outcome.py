"""The verdict on a training: converged, overfitting, underfitting, unstable or unclear, with the numbers it
rests on.

Thresholds on accuracies hold strictly, after rounding to 1e-6, on the mean of the last three epochs that have
them. They are rules of thumb: a gap over 15 points is overfitting, both under 75 % (the last epoch too) is
underfitting, a validation accuracy that varies by over 8 points in the last quarter (at least five epochs,
linear trend taken out) is a question for the data. The 75 % hold for accuracies of samples in runs that have
stopped improving. Runs without such accuracies are judged by the shape of their losses. "Converged" is said
of a curve that has flattened; one that still falls (`nbtrain.diagnose.learning.fall_per_epoch`) is healthy
and "still improving". Where there is too little to see, the verdict is "unclear" and says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from nbtrain.diagnose.advice import Circumstances, advise
from nbtrain.diagnose.best import Best
from nbtrain.diagnose.curves import (
    Curves,
    detrended_spread,
    in_bins,
    noise,
    present,
    read_curves,
    recent,
    smooth,
    start_loss,
)
from nbtrain.diagnose.instability import finding, instabilities
from nbtrain.diagnose.learning import (
    HARDLY,
    LEAST_EPOCHS,
    LOW_ACCURACY,
    PERFECT,
    Counted,
    accuracy_is_low,
    accuracy_will_do,
    fall_per_epoch,
    highest_loss,
    is_solved,
    leapt,
    loss_never_fell,
    loss_still_falls,
    untrained_loss,
    what_accuracy_counts,
)
from nbtrain.diagnose.wording import converged_text, improving_evidence, improving_text
from nbtrain.findings import Confidence, Finding, Severity
from nbtrain.units import counted, number

Kind = Literal["converged", "overfitting", "underfitting", "unstable", "unclear"]

ACCURACY_GAP = 0.15
ACCURACY_SPREAD = 0.08

_RISE = 0.10  # validation loss over its best, relative to the best, that counts as clear
_RISE_OF_DROP = 0.05  # ... and relative to all that validation loss ever gained
_NOISES = 3  # ... and in standard deviations of its noise
_ROSE = 1.2  # times the starting loss


@dataclass(frozen=True)
class Outcome:
    """A verdict.

    Attributes:
        kind: converged (healthy: done, or good and still improving, as the headline tells), overfitting,
            underfitting, unstable, or unclear where there is too little to see.
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


def outcome(
    epochs: pd.DataFrame, history: pd.DataFrame, *, status: str, val_samples: int | None = None,
    best: Best | None = None, known: Circumstances | None = None,
) -> Outcome:  # fmt: skip
    """Judge a training by its curves.

    Args:
        epochs: one row an epoch; columns epoch, train_loss, val_loss, train_acc, val_acc, lr, each optional.
        history: indexed by step; columns train_loss, grad_norm, lr, each optional.
        status: how the run ended, a word of `run.status`.
        val_samples: samples of the validation data. They tell an accuracy of samples from one of positions
            (see `nbtrain.diagnose.learning`); None, where that is unknown, accuses no run of a low accuracy.
        best: where validation was best, and how to have those weights, for the recommendations; None takes
            the best epoch.
        known: what else is known of the run, for the recommendations.
    """
    curves = read_curves(epochs, history)
    verdict, advice = _judge(curves, str(status), val_samples)
    return replace(verdict, recommendations=advise(advice, curves, best, known))


Judged = tuple[Outcome, str]  # a verdict without recommendations, and the kind of advice that goes with it


def _judge(curves: Curves, status: str, val_samples: int | None) -> Judged:
    findings = instabilities(curves, status)
    if findings:
        return _verdict("unstable", findings)
    if curves.epochs < LEAST_EPOCHS:
        return _too_short(curves)
    doubts = _doubtful_data(curves)
    if overfitting := _overfitting(curves):
        return _verdict("overfitting", [*overfitting, *doubts])
    low = accuracy_is_low(curves)
    unit = what_accuracy_counts(curves, val_samples) if low else "unknown"
    gradually = fall_per_epoch(curves) > 0
    improving = gradually or loss_still_falls(curves) or (low and accuracy_will_do(curves))
    if not improving and (underfitting := _underfitting(curves, low, unit)):
        return _verdict("underfitting", [*underfitting, *doubts])
    if doubts and doubts[0].details.get("varies"):
        return _verdict("unstable", doubts)
    return _healthy(curves, doubts, low=low, unit=unit, improving=improving)


def _healthy(
    curves: Curves, doubts: list[Finding], *, low: bool, unit: Counted, improving: bool
) -> Judged:
    """The verdict on a run that nothing is known to be wrong with: it may be done, or not, or unclear."""
    others = (*doubts, *_remarks(curves))
    good_accuracy = curves.has_accuracy and recent(curves.val_acc) >= LOW_ACCURACY
    if improving and not (good_accuracy and recent(curves.val_acc, 1) >= PERFECT):
        # without accuracies: what is still to come is small beside what was gained
        good = good_accuracy or not (curves.has_accuracy or loss_still_falls(curves))
        text = improving_text(curves, good=good)
        more = finding("still-improving", Severity.INFO, text, improving_evidence(curves), Confidence.LIKELY)
        kind, tone = ("converged", "warning" if doubts else "good") if good else ("unclear", "info")
        return Outcome(kind, (more, *others), (), text, tone), "improving"
    if (low or not curves.has_accuracy) and loss_never_fell(curves):
        text = _unmoved_text(curves)
        return Outcome("unclear", others, (), f"Unclear: {text}", "info"), "underfitting"
    if low and unit == "unknown":
        [doubt] = _low_accuracy(curves, Severity.INFO)
        return Outcome("unclear", (doubt, *others), (), f"Unclear: {doubt.issue}", "info"), "underfitting"
    tone = "warning" if doubts else "good"
    return Outcome("converged", others, (), converged_text(curves), tone), "converged"


def _verdict(kind: Kind, findings: list[Finding]) -> Judged:
    first = findings[0]
    headline = f"{kind.capitalize()}: {first.issue[0].lower()}{first.issue[1:]}"
    tone = "critical" if first.severity is Severity.CRITICAL else "warning"
    return Outcome(kind, tuple(findings), (), headline, tone), kind


def _too_short(curves: Curves) -> Judged:
    """No trend can be told from so few epochs; what the steps tell is told."""
    count = curves.epochs
    seen = "No epoch was finished" if count == 0 else f"Only {count} epoch{'s' if count > 1 else ''} finished"
    limit = f"{seen}: at least {LEAST_EPOCHS} are needed to judge a trend."
    if len(in_bins(curves.step_loss)) == 0:
        return Outcome("unclear", (), (), limit, "info"), "short"
    course = in_bins(curves.step_loss)
    first, end = untrained_loss(curves), float(course[-1])
    if leapt(curves) and end > _ROSE * first and not is_solved(curves):
        issue = f"Train loss leapt from {number(first, 3)} to {number(highest_loss(curves), 3)}."
        evidence = f"it ended at {number(end, 3)}, after {counted(len(present(curves.step_loss)), 'step')}"
        found = finding("divergence", Severity.WARNING, issue, evidence, Confidence.LIKELY)
        return _verdict("unstable", [found])
    # an epoch's mean lies behind what its last steps, and the validation after them, show
    lowest = min([end, *present(curves.val_loss)[-1:]])
    if loss_never_fell(curves) and (first - lowest) < HARDLY * abs(first):
        return Outcome("unclear", (), (), f"Unclear: {_unmoved_text(curves)} {limit}", "info"), "underfitting"
    said = (
        f"Healthy so far: train loss fell from {number(start_loss(curves), 3)} to {number(course[-1], 3)} in "
        f"{counted(len(present(curves.step_loss)), 'step')}"
    )
    if np.isfinite(curves.val_acc).any():
        said += f", validation accuracy {100 * recent(curves.val_acc, 1):.1f} %"
    elif np.isfinite(curves.val_loss).any():
        said += f", validation loss {number(recent(curves.val_loss, 1), 3)}"
    if curves.has_accuracy and recent(curves.train_acc, 1) - recent(curves.val_acc, 1) > ACCURACY_GAP:
        said = said.replace("Healthy so far: train", "Train", 1)
    return Outcome("unclear", (), (), f"{said}. {limit}", "info"), "short"


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
    falls meanwhile by more than its own noise, for what swings up and down has learned nothing by heart.

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
    if not then - now > noise(train):
        return None
    lowest = max(at - 1, 0) + int(valid[max(at - 1, 0) : at + 2].argmin())
    return Rise(float(epoch[lowest]), float(valid[lowest]), end, then, now)


def _underfitting(curves: Curves, low: bool, unit: Counted) -> list[Finding]:
    """What says that a run which is not improving learned too little."""
    if curves.has_accuracy and not low:
        return []
    if low and unit == "samples":
        return _low_accuracy(curves, Severity.WARNING)
    if curves.epochs < 5 or not loss_never_fell(curves):
        return []
    first, end = untrained_loss(curves), recent(curves.train_loss)
    issue = _unmoved_text(curves)
    evidence = (
        f"{100 * (first - end) / abs(first):.1f} % in {counted(curves.epochs, 'epoch')}; expected of a model "
        "that was trained before, of no other"
    )
    return [finding("underfitting", Severity.WARNING, issue, evidence, Confidence.LIKELY)]


def _low_accuracy(curves: Curves, severity: Severity) -> list[Finding]:
    train, valid = recent(curves.train_acc), recent(curves.val_acc)
    issue = (
        f"Train accuracy {100 * train:.1f} % and validation accuracy {100 * valid:.1f} % are both below 75 %."
    )
    evidence = (
        "mean of the last three epochs; 75 % is a rule of thumb, and tasks without one right answer, such as "
        "the next letter of a text, stay below it"
    )
    if loss_never_fell(curves):
        evidence = f"{_unmoved_text(curves)[:-1]}; {evidence}"
    return [finding("underfitting", severity, issue, evidence, Confidence.POSSIBLE)]


def _unmoved_text(curves: Curves) -> str:
    first, end = untrained_loss(curves), recent(curves.train_loss)
    highest = highest_loss(curves) if leapt(curves) else float(present(curves.train_loss).max())
    between = f", after {number(highest, 3)} in between" if highest > 1.1 * abs(first) else ""
    how = "rose" if end > _ROSE * abs(first) else "hardly moved"
    return f"Train loss {how}: {number(first, 3)} at the start, {number(end, 3)} at the end{between}."


def _doubtful_data(curves: Curves) -> list[Finding]:
    found = []
    if (varies := validation_spread(curves)) is not None:
        spread, count = varies
        issue = f"Validation accuracy varies by {100 * spread:.1f} points from epoch to epoch."
        evidence = f"spread of the last {count} epochs, trend taken out; the limit is 8 points"
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
    gap = min(recent(curves.val_acc) - recent(curves.train_acc), gap_to_next(curves))
    if curves.has_accuracy and round(gap, 6) > ACCURACY_GAP:
        issue = f"Validation accuracy is {100 * gap:.1f} points above train accuracy."
        evidence = (
            "training samples among the validation data or wrong labels in the training data would do it; so "
            "would strong dropout or augmentation"
        )
        found.append(finding("data-quality", Severity.WARNING, issue, evidence, Confidence.POSSIBLE))
    return found


def validation_spread(curves: Curves) -> tuple[float, int] | None:
    """Return by how much validation accuracy varies (0..1) and over how many epochs; None within the limit.

    The spread is largest minus smallest of the last quarter of the epochs, at least five, a linear trend
    taken out.
    """
    accuracies = present(curves.val_acc)
    last = accuracies[-max(5, len(accuracies) // 4) :]
    spread = detrended_spread(last)
    # a curve that bends, as at the start of a short run, leaves a spread too: it must have gone down as well
    fell = float((np.maximum.accumulate(last) - last).max()) if len(last) else 0.0
    if len(last) < 5 or round(spread, 6) <= ACCURACY_SPREAD or fell <= ACCURACY_SPREAD / 2:
        return None
    return spread, len(last)


def gap_to_next(curves: Curves) -> float:
    """Return how far validation accuracies lie above the train accuracies of the epochs after them.

    A train accuracy is the mean over an epoch in which the model learns: at the start of a run it lags far
    behind the validation at that epoch's end, and is caught up with in the next.
    """
    both = np.isfinite(curves.val_acc[:-1]) & np.isfinite(curves.train_acc[1:])
    gaps = (curves.val_acc[:-1] - curves.train_acc[1:])[both]
    return float(gaps[-3:].mean()) if len(gaps) else 0.0


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
