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
    """Losses over one loader's data without training: sums on the device, `reduction` of the loss."""

    step: int
    loader: Any
    reduction: int
    values: list[Tensor] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Epoch:
    """An epoch that is over: its number, last step, seconds; the rate and the samples it ended with."""

    number: int
    last_step: int
    seconds: float
    lr: float


class Passes:
    """Epochs and evaluations on their way from the training thread to the record."""

    def __init__(self, state: State, record: Record) -> None:
        self._state, self._record = state, record
        self._open: list[Judged] = []
        self._evaluations: deque[list[Judged]] = deque()
        self._epochs: deque[Epoch] = deque()
        self._means = _Means()
        self._judgements: dict[int, dict[str, float]] = {}

    def judged(self, loader: Any, value: Tensor, samples: int, reduction: int) -> None:
        """Take a loss over data that is not trained on."""
        step = self._state.step
        if not self._open or self._open[-1].loader is not loader or self._open[-1].reduction != reduction:
            self._open.append(Judged(step, loader, reduction))
        part = self._open[-1]
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

    def take_rows(self, rows: Rows, counted: np.ndarray) -> None:
        """Take the steps that arrived; `counted`: those of the optimizer whose loss the epochs tell."""
        self._means.add(rows.where(counted))

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
            row.update(lr=epoch.lr, epoch_time_s=epoch.seconds)
            within = [step for step in self._judgements if step <= epoch.last_step]
            if within and within[-1] == epoch.last_step:
                row.update(self._judgements[within[-1]])
            for step in within:
                del self._judgements[step]
            self._record.note_epoch(row)


class _Means:
    """What the steps of an epoch come to: sums over rows, by sample where samples were seen."""

    def __init__(self) -> None:
        self._rows: deque[Rows] = deque()

    def add(self, rows: Rows) -> None:
        self._rows.append(rows)

    def take(self, last_step: int) -> dict[str, float]:
        rows = Rows.joined(list(self._rows)) if self._rows else None
        self._rows.clear()
        if rows is None:
            return {"train_loss": math.nan, "grad_norm": math.nan, "grad_norm_max": math.nan}
        mine = rows.steps <= last_step
        if not mine.all():
            self._rows.append(rows.where(~mine))
        rows = rows.where(mine)
        weights = np.maximum(rows.samples, 1)
        # left out, as in `%train`: losses that are not finite while their gradients are, such norms
        counted = np.isfinite(rows.train_loss) | ~np.isfinite(rows.grad_norm)
        norms = rows.grad_norm[np.isfinite(rows.grad_norm)]
        seconds = float(rows.step_time_s.sum())
        told = {
            "train_loss": _weighted(rows.train_loss[counted], weights[counted]),
            "grad_norm": float(norms.mean()) if len(norms) else math.nan,
            "grad_norm_max": float(norms.max()) if len(norms) else math.nan,
        }
        if rows.samples.any() and seconds > 0:
            told["samples_per_s"] = float(rows.samples.sum()) / seconds
        return told


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
