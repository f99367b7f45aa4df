"""Whether a training has learned, and whether it was still learning at its end. It passes no verdict.

An accuracy counts samples, or positions: the letters of a text, the pixels of a picture. Only of samples can
a rule of thumb say how many should be right: the next letter of a text cannot be known.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

import numpy as np

from nbtrain.diagnose.curves import Curves, noise, present, recent, smooth, start_error, start_loss

Counted = Literal["samples", "positions", "unknown"]

LEAST_EPOCHS = 3  # fewer show no trend that noise could not make
LOW_ACCURACY = 0.75
PERFECT = 0.995  # validation accuracy; a tiny loss that still falls makes no such model better

_LOOKED_AT = 20  # epochs whose accuracies tell what they count
_SINGLE = 2e-7  # rounding of a mean taken in single precision
_LARGEST = 10**7  # positions; a float64 tells shares of so many apart
HARDLY = 0.05  # share of the starting loss; less is no progress
_UNSURE = 0.10  # ... more is progress, however noisy the first steps were
_LEAP = 0.5  # over the starting loss
_LEAP_NOISES = 8  # ... and in standard deviations of single steps: medians of three reach 6.5 by chance
_FALL = 0.02  # share of the loss an epoch; less is called flat
_FALL_OF_GAIN = 0.01  # ... and of all that was gained
_NOISES = 3  # ... and in standard deviations of its noise


def what_accuracy_counts(curves: Curves, val_samples: int | None) -> Counted:
    """Say what the validation accuracy is a share of.

    A share of n things is a fraction whose denominator divides n. Fractions over more than there are samples
    are shares of something else. Rounded values look so too: of them nothing is claimed either.

    Args:
        val_samples: samples of the validation data, None where unknown.
    """
    if not val_samples:
        return "unknown"
    values = present(curves.val_acc)[-_LOOKED_AT:]
    hits = values * val_samples
    if len(values) and (np.abs(hits - np.round(hits)) <= _SINGLE * val_samples).all():
        return "samples"
    parts = [Fraction(float(value)).limit_denominator(_LARGEST).denominator for value in values]
    return "samples" if math.lcm(*parts) <= val_samples else "positions"


def accuracy_is_low(curves: Curves) -> bool:
    """Say whether train and validation accuracy are both under 75 %: the mean of the last three epochs that
    have them, and the last epoch too, since three epochs may be a whole run.
    """
    if not curves.has_accuracy:
        return False
    series = curves.train_acc, curves.val_acc
    return all(round(recent(values, count), 6) < LOW_ACCURACY for values in series for count in (1, 3))


def is_solved(curves: Curves) -> bool:
    """Say whether validation accuracy was perfect (99.5 %) at the end and since the first quarter of the
    epochs: what a loss next to zero does then, up or down by whole magnitudes, costs nothing.
    """
    values = present(curves.val_acc)
    return bool(len(values) and values[len(values) // 4 :].min() >= PERFECT)


def accuracy_will_do(curves: Curves) -> bool:
    """Say whether train or validation accuracy, going on as in the last third, at least three epochs, would
    reach 75 % in as many epochs again.

    The rise is that of a least squares line; it counts from three of its standard errors on.
    """
    for values in (present(curves.train_acc), present(curves.val_acc)):
        last = values[-max(LEAST_EPOCHS, len(values) // 3) :]
        if len(last) < LEAST_EPOCHS:
            continue
        at = np.arange(len(last)) - (len(last) - 1) / 2
        slope = float(at @ last / (at @ at))
        rest = last - last.mean() - slope * at
        error = float(np.sqrt(rest @ rest / (len(last) - 2) / (at @ at)))
        if slope > _NOISES * error and last[-1] + slope * len(values) >= LOW_ACCURACY:
            return True
    return False


def loss_still_falls(curves: Curves) -> bool:
    """Say whether the last fifth of the epochs brought over 10 % of the whole gain and of the level, beyond
    the noise.
    """
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


def fall_per_epoch(curves: Curves) -> float:
    """Return how fast the loss still falls at the end, as a share of itself an epoch; 0 for a flat curve.

    A curve has flattened unless all of this holds of the validation loss (of the train loss, where fewer than
    three epochs were validated): its best value is the last; it fell by over 2 % an epoch both in the last
    epoch and over the last third (three to five epochs, least squares line); the last epoch brought over 1 %
    of the whole gain; and that fall is over three standard deviations of the recent noise. The 2 and 1 % are
    rules of thumb: at 2 % an epoch a loss halves in 35 epochs, and what brings less than a hundredth of the
    gain is the tail of an exponential approach, flat in any plot.
    """
    values = present(
        curves.val_loss if np.isfinite(curves.val_loss).sum() >= LEAST_EPOCHS else curves.train_loss
    )
    if len(values) < LEAST_EPOCHS or values[-1] > values.min() or loss_never_fell(curves):
        return 0.0
    last = values[-min(max(len(values) // 3, LEAST_EPOCHS), 5) :]
    step, gain = float(values[-2] - values[-1]), float(values.max() - values[-1])
    # of positive losses the logarithm, in which an exponential fall is a line and not noise
    lately = max(8, len(values) // 2)
    positive = bool(values[-lately:].min() > 0)
    level = 1.0 if positive else max(abs(float(last.mean())), 1e-12)
    at, seen = np.arange(len(last)) - (len(last) - 1) / 2, values[-lately:]
    seen = np.log(seen) if positive else seen / level
    slope = -float(at @ seen[-len(last) :] / (at @ at))
    sure = slope * (len(last) - 1) > _NOISES * noise(seen)
    falls = min(slope, step / max(abs(float(values[-2])), 1e-12)) > _FALL and step > _FALL_OF_GAIN * gain
    share = 1 - math.exp(-slope) if positive else slope
    return share if sure and falls else 0.0


def untrained_loss(curves: Curves) -> float:
    """Return the loss before the first update: that of the first steps, or of the very first where it is
    lower by three standard deviations of single steps, which vary little at the end (under 10 %).

    The first of some hundred steps is the only one that a far too high learning rate has not touched.
    """
    first, steps = start_loss(curves), present(curves.step_loss)
    last = steps[-max(len(steps) // 5, 5) :]
    if len(steps) < 10 or last.std() >= 0.10 * abs(float(last.mean())):
        return first
    return float(steps[0]) if first - steps[0] > _NOISES * last.std() else first


def loss_never_fell(curves: Curves) -> bool:
    """Say whether the train loss ends less than 5 % under its start, or, where the first steps are noisy,
    less than three of their standard errors, at most 10 %.

    The start is the untrained loss: a learning rate so high that the loss first leaps up and then comes
    back to chance has taught nothing, however far it came down. A run without steps is judged from its first
    epoch on. A loss whose start is next to zero cannot be judged so.
    """
    first, end = untrained_loss(curves), recent(curves.train_loss)
    if not np.isfinite(first) or not np.isfinite(end) or abs(first) < 1e-12:
        return False
    least = min(max(HARDLY, start_error(curves)), _UNSURE)
    return bool((first - end) / abs(first) < least)


def highest_loss(curves: Curves) -> float:
    """Return the highest train loss there was: by steps, the median of any three that follow each other;
    else by epoch.
    """
    steps = present(curves.step_loss)
    values = smooth(steps) if len(steps) >= 8 else present(curves.train_loss)
    return float(values.max()) if len(values) else float("nan")


def leapt(curves: Curves) -> bool:
    """Say whether a loss that never fell was once half as high again as at its start, beyond the noise of its
    batches: its learning rate is too high.

    The chance of 6.5 is that of 20,000 steps with losses that scatter like squared errors of two samples.
    """
    first, steps = untrained_loss(curves), present(curves.step_loss)
    least = max(_LEAP * abs(first), _LEAP_NOISES * noise(steps[len(steps) // 2 :]))
    return loss_never_fell(curves) and highest_loss(curves) > first + least
