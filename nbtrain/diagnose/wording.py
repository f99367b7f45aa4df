"""The sentences a healthy run is told: done, or still improving, with its numbers. It passes no verdict."""

from __future__ import annotations

import numpy as np

from nbtrain.diagnose.curves import Curves, present, recent, start_loss
from nbtrain.diagnose.learning import accuracy_will_do, fall_per_epoch, loss_still_falls
from nbtrain.units import counted, number


def improving_text(curves: Curves, *, good: bool) -> str:
    if good:
        parts = _numbers_at_best(curves)
        fall = fall_per_epoch(curves)
        pace = f", by {100 * fall:.0f} % an epoch at the end" if fall else ""
        return f"Healthy, and still improving{pace}: {', '.join(parts)}; more epochs may make it better."
    if not loss_still_falls(curves) and (accuracy_will_do(curves) or not fall_per_epoch(curves)):
        return "Healthy so far, and not done: accuracy was still rising at the end. Train longer."
    what = "validation loss" if np.isfinite(curves.val_loss).any() else "train loss"
    return f"Healthy so far, and not done: {what} was still falling at the end. Train longer."


def improving_evidence(curves: Curves) -> str:
    has_val = np.isfinite(curves.val_loss).any()
    values = present(curves.val_loss if has_val else curves.train_loss)
    what = "validation" if has_val else "train"
    said = f"{what} loss from {number(values[0], 3)} to {number(values[-1], 3)}"
    accuracies = present(curves.val_acc)
    if len(accuracies) > 1:
        said += f", validation accuracy from {100 * accuracies[0]:.1f} % to {100 * accuracies[-1]:.1f} %"
    return f"{said} over {counted(curves.epochs, 'epoch')}"


def converged_text(curves: Curves) -> str:
    parts = _numbers_at_best(curves)
    if not curves.has_accuracy:
        parts.append(f"down from {number(start_loss(curves), 3)} at the start")
    return f"Converged: {', '.join(parts)}."


def _numbers_at_best(curves: Curves) -> list[str]:
    """Return best validation loss and its epoch, and the accuracies of that epoch (of the last three
    without).
    """
    if not np.isfinite(curves.val_loss).any():
        parts = [f"train loss {number(recent(curves.train_loss, 1), 3)} at the end"]
        train, valid = recent(curves.train_acc), recent(curves.val_acc)
    else:
        best = int(np.nanargmin(curves.val_loss))
        loss = number(curves.val_loss[best], 3)
        parts = [f"best validation loss {loss} at epoch {curves.epoch[best]:.0f}"]
        train, valid = curves.train_acc[best], curves.val_acc[best]
    if np.isfinite(train) and np.isfinite(valid):
        side = "below" if train >= valid else "above"
        parts.append(f"validation accuracy {100 * valid:.1f} %")
        parts.append(f"{abs(100 * (train - valid)):.1f} points {side} train accuracy")
    return parts
