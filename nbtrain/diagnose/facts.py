"""What the checks look at: a history, its curves, and the measures that several of them share, taken once."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import pandas as pd

from nbtrain.diagnose.aims import why_no_aim
from nbtrain.diagnose.curves import Curves, loss_course, present, read_curves, recent
from nbtrain.diagnose.history import Hints, History
from nbtrain.diagnose.learning import Counted, untrained_loss, what_accuracy_counts
from nbtrain.diagnose.trend import Trend, trend

RAISED_LR = 1.5  # a rate this much above an earlier one was raised on purpose (as in the alerts)


class Facts:
    """A history under examination. It changes nothing; measures are taken when first asked for."""

    def __init__(self, history: History) -> None:
        self.history = history

    @property
    def hints(self) -> Hints:
        return self.history.hints

    @cached_property
    def curves(self) -> Curves:
        return read_curves(self.history.epochs, self.history.steps)

    @property
    def epochs(self) -> int:
        """Number of rows that have a loss or an accuracy."""
        c = self.curves
        seen = [np.isfinite(values) for values in (c.train_loss, c.val_loss, c.train_acc, c.val_acc)]
        return int(np.logical_or.reduce(seen).sum()) if len(c.epoch) else 0

    @cached_property
    def classification(self) -> bool:
        """True where any accuracy, or the number of classes, is known."""
        c = self.curves
        return bool(np.isfinite(c.train_acc).any() or np.isfinite(c.val_acc).any() or self.hints.classes)

    @cached_property
    def no_aim(self) -> str:
        """Why the loss says little of this run's progress, as a clause; "" where it should fall."""
        return why_no_aim((*self.history.epochs, *self.history.steps))

    def fewer_epochs_than(self, count: int) -> bool:
        """Say whether there are so few epochs, where the rows are evaluations or parts of a run."""
        passes = self.history.passes
        return passes is not None and passes < count

    @cached_property
    def counted(self) -> Counted:
        """What the accuracy is a share of: samples, positions, or unknown."""
        return what_accuracy_counts(self.curves, self.hints.val_samples)

    @cached_property
    def recent_train_acc(self) -> float:
        return recent(self.curves.train_acc)

    @cached_property
    def recent_val_acc(self) -> float:
        return recent(self.curves.val_acc)

    @cached_property
    def course(self) -> tuple[np.ndarray, bool]:
        """The train loss by which the course is judged, and whether it is by epoch."""
        return loss_course(self.curves)

    @cached_property
    def start(self) -> float:
        """The loss before anything was learned."""
        return untrained_loss(self.curves)

    @cached_property
    def end(self) -> float:
        """The train loss of the last epochs."""
        by_epoch = recent(self.curves.train_loss)
        return by_epoch if math.isfinite(by_epoch) else recent(self.course[0])

    @cached_property
    def gain(self) -> float:
        """How much of its start the train loss has lost, as a share; NaN where that cannot be said."""
        if not math.isfinite(self.start) or not math.isfinite(self.end) or abs(self.start) < 1e-12:
            return math.nan
        return (self.start - self.end) / abs(self.start)

    @cached_property
    def rates(self) -> np.ndarray:
        """Learning rates by epoch, else by step; without absent ones."""
        by_epoch = self.history.column("lr")
        if np.isfinite(by_epoch).any():
            return present(by_epoch)
        if "lr" in self.history.steps:
            return present(pd.to_numeric(self.history.steps["lr"], errors="coerce").to_numpy(float))
        return np.empty(0)

    @property
    def peak_lr(self) -> float | None:
        """The highest learning rate, else the one of the settings."""
        if len(self.rates) and self.rates.max() > 0:
            return float(self.rates.max())
        rate = self.hints.settings.get("lr")
        return float(rate) if isinstance(rate, (int, float)) and rate > 0 else None

    def raised_after(self, position: int) -> bool:
        """Say whether the learning rate was raised by half after a row: a restart, or a cycle."""
        rates = self.history.column("lr")
        later = rates[position:]
        later = later[np.isfinite(later)]
        return bool(len(later) > 1 and (later[1:] > RAISED_LR * np.minimum.accumulate(later)[:-1]).any())

    @cached_property
    def late_trend(self) -> Trend:
        """The robust trend of the train loss over its last half."""
        course = self.course[0]
        return trend(course[len(course) // 2 :])
