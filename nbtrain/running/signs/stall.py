"""Convergence stall: a high loss that has not improved for many epochs."""

from __future__ import annotations

import math
from typing import Any

from nbtrain import units
from nbtrain.findings import Finding, Severity
from nbtrain.running.limits import HIGH_LOSS
from nbtrain.running.limits import STALL_EPOCHS as EPOCHS
from nbtrain.running.signs.sign import Sign

IMPROVEMENT = 1e-3  # of the best: less is no improvement
LEARNED = 0.1  # of the first epoch's loss: a loss that has come down so far has learned, whatever its scale


class Stall(Sign):
    """No better loss for 15 epochs, and the loss above 2.0.

    Neither the training nor the validation loss may have improved: one that improves alone is learning, or
    overfitting. A regression on targets in their thousands has a loss above 2.0 for ever; when it has come
    down to a tenth of its first epoch it has learned and levelled off, which is no stall. A sign that was
    given is given again after 15 more epochs of the same.

    Args:
        epochs: how many without improvement; fewer than 15 where early stopping ends the run before.
    """

    def __init__(self, epochs: int = EPOCHS) -> None:
        self._epochs = epochs
        self._first = math.nan
        self._best = {"train_loss": math.inf, "val_loss": math.inf}
        self._better_at = 0  # epoch
        self._said_at = 0

    def look(self, news: Any, state: Any) -> list[Finding]:
        """Judge each epoch that came."""
        return [found for row in news.epochs for found in self.judge(row)]

    def recall(self, news: Any) -> None:
        """Know the epochs before."""
        for row in news.epochs:
            self.judge(row)

    def judge(self, row: dict[str, float]) -> list[Finding]:
        """Take in an epoch's row of metrics.json."""
        epoch, loss = int(row["epoch"]), row.get("val_loss", row.get("train_loss", math.nan))
        if not math.isfinite(loss):
            return []
        if math.isnan(self._first):
            self._first = loss
        for name, best in self._best.items():
            value = row.get(name, math.nan)
            if value < best - IMPROVEMENT * abs(best if math.isfinite(best) else 0.0):
                self._best[name], self._better_at = value, epoch
        without = epoch - max(self._better_at, self._said_at)
        if without < self._epochs or loss <= HIGH_LOSS or loss <= LEARNED * self._first:
            return []
        self._said_at = epoch
        what = "validation" if "val_loss" in row else "training"
        best = self._best["val_loss" if "val_loss" in row else "train_loss"]
        return [
            Finding(
                "convergence-stall",
                Severity.WARNING,
                f"The loss has not improved for {epoch - self._better_at} epochs and is still high.",
                current=units.number(loss),
                recommended="another learning rate (%train lr-find), a look at data and labels; "
                "%train explain convergence-stall says in which order",
                evidence=f"{what} loss {units.number(loss)} at epoch {epoch}, "
                f"best {units.number(best)} by epoch {self._better_at}; "
                f"it began at {units.number(self._first)}",
                step=int(row["step"]),
                details={"offers": ["raise-lr", "new-weights"]},
            )
        ]
