"""Passes of a followed loop over data: epochs of training, and validation between them.

In the training thread nothing is read: values of losses are put aside as they are, on their device. `settle`,
called by the pump, reads them and makes the rows of evaluations and epochs.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbtrain.running.record import Record
from nbtrain.running.state import State
from nbtrain.telemetry.recorder import Rows
from nbtrain.watch.judging import SUM

MOST_VALUES = 512  # of one pass kept one by one


@dataclass
class Judged:
    """Losses over one loader's data without training: sums on the device, `reduction` of the loss.

    `is_own`: of a function that somebody wrote, which may call a kernel that is heard too.
    """

    step: int
    loader: Any
    reduction: int
    is_own: bool = False
    values: list[Tensor] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Epoch:
    """An epoch that is over: its number, last step, seconds."""

    number: int
    last_step: int
    seconds: float


class Passes:
    """Epochs and evaluations on their way from the training thread to the record."""

    def __init__(self, state: State, record: Record) -> None:
        self._state, self._record = state, record
        self._open: list[Judged] = []
        self._evaluations: deque[list[Judged]] = deque()
        self._epochs: deque[Epoch] = deque()
        self._means = _Means()
        self._judgements: dict[int, dict[str, float]] = {}

    def judged(
        self, loader: Any, value: Tensor, samples: int, reduction: int, *, is_own: bool = False
    ) -> None:
        """Take a loss over data that is not trained on."""
        part = next((part for part in reversed(self._open) if part.is_own == is_own), None)
        if part is None or part.loader is not loader or part.reduction != reduction:
            part = Judged(self._state.step, loader, reduction, is_own)
            self._open.append(part)
        part.values.append(value)
        part.weights.append(samples)
        if len(part.values) >= MOST_VALUES:
            weights = torch.tensor(part.weights, dtype=part.values[0].dtype, device=part.values[0].device)
            part.values = [(torch.stack(part.values) * weights).sum() / weights.sum()]
            part.weights = [sum(part.weights)]

    @property
    def validating(self) -> bool:
        """True while losses over other data come in."""
        return bool(self._open)

    def trains_again(self) -> None:
        """A backward comes: what was judged before it is whole."""
        if self._open:
            self._evaluations.append(self._open)
            self._open = []

    def ended(self, epoch: Epoch) -> None:
        """An epoch is over, its validation with it."""
        self._epochs.append(epoch)

    def take_rows(self, rows: Rows, optimizers: np.ndarray) -> None:
        """Take the steps that arrived; `optimizers`: whose they are, 0 for the one that stepped first."""
        self._means.add(rows, optimizers)

    def settle(self, choose: Any, *, arrived: int) -> None:
        """Make rows of what is over and whose steps have arrived; called by the pump.

        Args:
            choose: picks of several passes the one that is the validation. arrived: the last step at hand.
        """
        while self._evaluations:
            parts = self._evaluations.popleft()
            part = choose(parts)
            if part is None:
                continue
            value = _mean_of(part)
            state = self._state
            if value < state.best_val_loss:
                state.best_val_loss, state.best_val_step, state.best_val_epoch = value, part.step, state.epoch
            best = state.best_val_loss, state.best_val_step
            self._record.note_evaluation(part.step, state.epoch, {"val_loss": value}, best)
            self._judgements[part.step] = {"val_loss": value}
        while self._epochs and self._epochs[0].last_step <= arrived:
            epoch = self._epochs.popleft()
            row = {"epoch": epoch.number, "step": epoch.last_step, **self._means.take(epoch.last_step)}
            row.update(epoch_time_s=epoch.seconds)
            within = [step for step in self._judgements if step <= epoch.last_step]
            if within and within[-1] == epoch.last_step:
                row.update(self._judgements[within[-1]])
            for step in within:
                del self._judgements[step]
            self._record.note_epoch(row)


class _Means:
    """What the steps of an epoch come to: sums over rows, by sample where samples were seen.

    Of several optimizers the one that stepped first counts, of those that step in the epoch.
    """

    def __init__(self) -> None:
        self._rows: deque[Rows] = deque()
        self._optimizers: deque[np.ndarray] = deque()

    def add(self, rows: Rows, optimizers: np.ndarray) -> None:
        self._rows.append(rows)
        self._optimizers.append(optimizers)

    def take(self, last_step: int) -> dict[str, float]:
        rows = self._until(last_step)
        if rows is None:
            return {"train_loss": math.nan, "grad_norm": math.nan, "grad_norm_max": math.nan, "lr": math.nan}
        weights = np.maximum(rows.samples, 1)
        # left out, as in `%train`: losses that are not finite while their gradients are, such norms
        counted = np.isfinite(rows.train_loss) | ~np.isfinite(rows.grad_norm)
        norms = rows.grad_norm[np.isfinite(rows.grad_norm)]
        seconds = float(rows.step_time_s.sum())
        told = {
            "train_loss": _weighted(rows.train_loss[counted], weights[counted]),
            "grad_norm": float(norms.mean()) if len(norms) else math.nan,
            "grad_norm_max": float(norms.max()) if len(norms) else math.nan,
            "lr": float(rows.lr[-1]),  # of its last step, whatever a scheduler has set since
        }
        if rows.samples.any() and seconds > 0:
            told["samples_per_s"] = float(rows.samples.sum()) / seconds
        return told

    def _until(self, last_step: int) -> Rows | None:
        if not self._rows:
            return None
        rows, optimizers = Rows.joined(list(self._rows)), np.concatenate(list(self._optimizers))
        self._rows.clear()
        self._optimizers.clear()
        mine = rows.steps <= last_step
        if not mine.all():
            self.add(rows.where(~mine), optimizers[~mine])
        if not mine.any():
            return None
        return rows.where(mine & (optimizers == optimizers[mine].min()))


def _weighted(values: np.ndarray, weights: np.ndarray) -> float:
    return float(values @ weights / weights.sum()) if len(values) else math.nan


def _mean_of(part: Judged) -> float:
    """The loss over a pass, over its samples as the reduction has it."""
    # device sync, in the pump
    values = torch.stack([value.to("cpu", torch.float64) for value in part.values]).numpy()
    weights = np.asarray(part.weights, float)
    if part.reduction == SUM:
        return float(values.sum() / weights.sum())
    return _weighted(values, weights)
