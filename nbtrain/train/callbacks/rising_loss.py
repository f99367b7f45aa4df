"""End a run whose loss only rises."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nbtrain import units
from nbtrain.running.control import Control
from nbtrain.running.noise import noise_of_changes
from nbtrain.telemetry.recorder import Numbers
from nbtrain.train.events import Callback

RISES = 3  # evaluations in a row
RISE = 0.10  # each by more than this share
NOISE_FACTOR = 4.0  # and all of them together beyond what evaluations of this run vary by, in deviations
RAISED_LR = 1.5  # a learning rate this much above the one before the rise was raised on purpose


class RisingLoss(Callback):
    """Stop when the loss has risen by more than 10 % at each of 3 evaluations in a row.

    The loss is the validation loss, or an epoch's training loss where nothing is validated. A share of the
    loss says little where losses cross zero or have come down a thousandfold, so the three rises together
    must also come to a tenth of half the way the loss has come. Rises within the noise do not count. A
    training loss must also be back at half of where it began: a small one wanders tenfold with dropout and
    short epochs, in healthy runs.

    Unless a share was asked for, two things are left alone, for they happen in healthy runs: the training
    loss falls meanwhile (overfitting; the alert `validation-rising` says so, `patience` ends such a run), and
    the learning rate was raised meanwhile (warm-up, a warm restart).

    Args:
        control: the run's mailbox.
        share: smallest rise, of the loss before; None is 10 % with the exceptions above.
    """

    def __init__(self, control: Control, share: float | None = None) -> None:
        self._control = control
        self._strict, self._share = share is not None, RISE if share is None else share
        self._seen: list[tuple[float, float, float]] = []  # loss, training loss, learning rate
        self._sum = self._count = 0.0

    def on_numbers(self, work: Any, state: Any, numbers: Numbers) -> None:
        """Add up the training loss until the next evaluation."""
        finite = numbers.losses[np.isfinite(numbers.losses)]
        self._sum += float(finite.sum())
        self._count += len(finite)

    def on_evaluation(self, work: Any, state: Any, values: dict[str, float]) -> None:
        """Compare a validation loss with those before."""
        self._look(work, state, values["val_loss"], "validation loss", "evaluations")

    def on_epoch(self, work: Any, state: Any, row: dict[str, float]) -> None:
        """Compare an epoch's training loss where there is no validation."""
        if work.val_loader is None:
            self._look(work, state, row["train_loss"], "training loss", "epochs")

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen."""
        return {"seen": [list(one) for one in self._seen], "sum": self._sum, "count": self._count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._seen = [tuple(one) for one in state["seen"]]
        self._sum, self._count = state["sum"], state["count"]

    def _look(self, work: Any, state: Any, loss: float, what: str, unit: str) -> None:
        train = self._sum / self._count if self._count else math.nan
        self._sum = self._count = 0.0
        if not math.isfinite(loss):  # for others to judge
            self._seen.clear()
            return
        self._seen.append((loss, train, float(work.optimizer.param_groups[0]["lr"])))
        if state.nothing_left or not self._rises():
            return
        if not self._strict and work.val_loader is None and loss < self._seen[0][0] / 2:
            return
        how = f"by more than {units.percent(self._share, 0)} at each of {RISES} {unit} in a row"
        course = " → ".join(units.number(value) for value, *_ in self._seen[-RISES - 1 :])
        self._control.stop("step", reason=f"the {what} rose {how}: {course}")

    def _rises(self) -> bool:
        if len(self._seen) <= RISES:
            return False
        losses = np.array([value for value, *_ in self._seen])
        recent = losses[-RISES - 1 :]
        if not (np.diff(recent) > self._share * np.abs(recent[:-1])).all():
            return False
        if self._strict:
            return True
        risen, least, most = recent[-1] - recent[0], losses.min(), losses.max()
        if risen <= RISE * max(abs(least), (most - least) / 2) or risen <= NOISE_FACTOR * noise_of_changes(
            losses[:-RISES]
        ):
            return False
        (_, train_before, lr_before), (_, train_now, lr_now) = self._seen[-RISES - 1], self._seen[-1]
        return not train_now < train_before and lr_now <= RAISED_LR * lr_before
