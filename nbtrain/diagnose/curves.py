"""A run's numbers as arrays, and the noise-proof measures that verdicts rest on. It passes no verdict.

Every measure uses medians or mean values of several points, so one bad batch or one lucky epoch decides
nothing.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

_RECENT = 3  # epochs whose mean stands for "now": the reading of the accuracy thresholds
_BINS = 40  # a history of steps is looked at in so many medians
_STEPS_A_BIN = 4


@dataclass(frozen=True)
class Curves:
    """Series of equal length by epoch, (n,), NaN where absent; and series by step, (m,).

    Accuracies are fractions: a column with a value over 1.5 was in percent. `absent` values and NaN losses
    look alike here; `broken` tells whether a loss was truly non-finite, `broken_row` in which row by step it
    first was, `ended` with which numbers that were not finite the history ends, in a sentence, "" where its
    last step is finite.
    """

    epoch: np.ndarray
    train_loss: np.ndarray
    val_loss: np.ndarray
    train_acc: np.ndarray
    val_acc: np.ndarray
    lr: np.ndarray
    step: np.ndarray
    step_loss: np.ndarray
    grad_norm: np.ndarray
    broken: str
    ended: str = ""
    broken_row: int | None = None

    @property
    def epochs(self) -> int:
        """Number of epochs that have a loss."""
        return int((np.isfinite(self.train_loss) | np.isfinite(self.val_loss)).sum())

    @property
    def has_accuracy(self) -> bool:
        return bool(np.isfinite(self.train_acc).any() and np.isfinite(self.val_acc).any())

    @property
    def has_validation(self) -> bool:
        return bool(np.isfinite(self.val_loss).any() or np.isfinite(self.val_acc).any())


def read_curves(epochs: pd.DataFrame, history: pd.DataFrame) -> Curves:
    """Read the tables of a run; columns that are missing, or hold words, count as absent."""
    history = _of_one_loss(history)
    number = _column(epochs, "epoch")
    number = np.where(np.isfinite(number), number, np.arange(1, len(epochs) + 1))
    step_loss = _column(history, "train_loss")
    train_loss, val_loss = _column(epochs, "train_loss"), _column(epochs, "val_loss")
    return Curves(
        epoch=number,
        train_loss=_finite(train_loss),
        val_loss=_finite(val_loss),
        train_acc=_fraction(_column(epochs, "train_acc")),
        val_acc=_fraction(_column(epochs, "val_acc")),
        lr=_finite(_column(epochs, "lr")) if "lr" in epochs else _finite(_column(history, "lr")),
        step=_index(history),
        step_loss=_finite(step_loss),
        grad_norm=_finite(_column(history, "grad_norm")),
        broken=_broken(number, train_loss, val_loss, _index(history), step_loss),
        ended=_ended(_index(history), step_loss, _column(history, "grad_norm")),
        broken_row=_broken_at(step_loss),
    )


def _of_one_loss(history: pd.DataFrame) -> pd.DataFrame:
    """The steps of a followed loop that tell one loss: those of its first optimizer whose loss was seen."""
    if not len(history) or not {"optimizer", "backwards", "train_loss"} <= set(history):
        return history
    unseen = (history["backwards"] == 0) & history["train_loss"].isna()
    return history[(history["optimizer"] == history["optimizer"].iloc[0]) & ~unseen]


def _column(table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[name], errors="coerce").to_numpy(float, copy=True)


def _index(table: pd.DataFrame) -> np.ndarray:
    steps = pd.to_numeric(pd.Series(table.index), errors="coerce").to_numpy(float)
    return np.where(np.isfinite(steps), steps, np.arange(1, len(table) + 1))


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)


def _fraction(values: np.ndarray) -> np.ndarray:
    values = _finite(values)
    return values / 100 if np.any(values > 1.5) else values


def _ended(step: np.ndarray, loss: np.ndarray, norm: np.ndarray) -> str:
    for what, values in (("loss", loss), ("gradient norm", norm)):
        finite = np.flatnonzero(np.isfinite(values))
        begun = finite[-1] + 1 if len(finite) else 0
        if begun < len(values):
            return f"The {what} became NaN or infinite at step {step[begun]:,.0f}."
    return ""


def _broken(
    epoch: np.ndarray, train_loss: np.ndarray, val_loss: np.ndarray, step: np.ndarray, step_loss: np.ndarray
) -> str:
    """Return where a loss first was non-finite, in words, or "".

    Infinite is never "absent"; for NaN by step see `broken_step`.
    """
    if (at := _broken_at(step_loss)) is not None:
        return f"at step {step[at]:,.0f}"
    for name, values in (("train", train_loss), ("validation", val_loss)):
        if np.isinf(values).any():
            return f"in the {name} loss of epoch {epoch[np.isinf(values)][0]:,.0f}"
    finite = np.isfinite(train_loss)
    if finite.any() and not finite[int(finite.argmax()) :].all():
        start = int(finite.argmax())
        return f"in the train loss of epoch {epoch[start:][~finite[start:]][0]:,.0f}"
    return ""


def broken_step(history: pd.DataFrame) -> tuple[float, float] | None:
    """Return the first step whose train loss is truly non-finite, and that loss; None without one.

    Infinite is never "absent". A NaN by step is a broken loss only where the steps around it have losses: the
    column has a finite value before it and at most a tenth of the rows are NaN, or everything after it is.
    """
    history = _of_one_loss(history)
    losses = _column(history, "train_loss")
    at = _broken_at(losses)
    return None if at is None else (float(_index(history)[at]), float(losses[at]))


def _broken_at(step_loss: np.ndarray) -> int | None:
    if np.isinf(step_loss).any():
        return int(np.isinf(step_loss).argmax())
    nan = np.isnan(step_loss)
    seen = np.flatnonzero(~nan)
    if len(seen) and nan.any():
        tail = nan[seen[-1] + 1 :]
        inside = nan[seen[0] : seen[-1] + 1]
        if inside.any() and inside.mean() <= 0.1:
            return int(seen[0]) + int(inside.argmax())
        if len(tail) and not inside.any():
            return int(seen[-1]) + 1
    return None


def present(values: np.ndarray) -> np.ndarray:
    """Return the values without the absent ones."""
    return values[np.isfinite(values)]


def recent(values: np.ndarray, count: int = _RECENT) -> float:
    """Return the mean of the last `count` values that are there, or of fewer; NaN without any."""
    values = present(values)
    return float(values[-count:].mean()) if len(values) else float("nan")


def smooth(values: np.ndarray) -> np.ndarray:
    """Return running medians of three; the ends stay. One outlier vanishes, a level stays."""
    if len(values) < 3:
        return values
    inner = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([values[:1], inner, values[-1:]])


def noise(values: np.ndarray) -> float:
    """Return the standard deviation of what is not trend, from second differences.

    The distance of a point to the middle of its neighbours has sqrt(1.5) times the noise's standard
    deviation, and is nearly nil on a smooth curve however steep. The median of its absolute value, over
    0.6745, is a robust estimate of it.
    """
    if len(values) < 4:
        return 0.0
    bend = values[1:-1] - (values[:-2] + values[2:]) / 2
    return float(np.median(np.abs(bend)) / (0.6745 * np.sqrt(1.5)))


def swing(values: np.ndarray) -> float:
    """Return the size of up-and-down movement: as `noise`, from the upper quartile, so that it sees a quarter
    of bad points.
    """
    if len(values) < 4:
        return 0.0
    bend = values[1:-1] - (values[:-2] + values[2:]) / 2
    return float(np.percentile(np.abs(bend), 75) / (1.1503 * np.sqrt(1.5)))


def reversals(values: np.ndarray, size: float) -> int:
    """Return how often the values turn round after a way of at least `size` up or down."""
    turns, low, high, way = 0, np.inf, -np.inf, 0
    for value in values:
        low, high = min(low, value), max(high, value)
        if way >= 0 and high - value >= size:
            turns, way, low = turns + (way != 0), -1, value
        elif way <= 0 and value - low >= size:
            turns, way, high = turns + (way != 0), 1, value
    return turns


def without_outlier(values: np.ndarray) -> np.ndarray:
    """Return the values with the one that lies farthest from the middle of its neighbours put there."""
    if len(values) < 3:
        return values
    middle = (values[:-2] + values[2:]) / 2
    at = int(np.abs(values[1:-1] - middle).argmax())
    calm = values.copy()
    calm[at + 1] = middle[at]
    return calm


def detrended_spread(values: np.ndarray) -> float:
    """Return max - min after a linear trend is taken out (least squares); NaN for fewer than three."""
    if len(values) < 3:
        return float("nan")
    at = np.arange(len(values), dtype=float)
    slope, start = np.polyfit(at, values, 1)
    rest = values - (slope * at + start)
    return float(rest.max() - rest.min())


def in_bins(values: np.ndarray) -> np.ndarray:
    """Return medians of up to 40 equal parts of a step series, each of at least four steps; empty if too
    short.
    """
    values = present(values)
    bins = min(_BINS, len(values) // _STEPS_A_BIN)
    if bins < 8:
        return np.empty(0)
    edges = np.linspace(0, len(values), bins + 1).astype(int)
    return np.array([np.median(values[a:b]) for a, b in itertools.pairwise(edges)])


def loss_course(curves: Curves) -> tuple[np.ndarray, bool]:
    """Return the train loss to judge the course by, and whether it is by epoch: six epochs or more, else by
    bins of steps.
    """
    by_epoch = present(curves.train_loss)
    if len(by_epoch) >= 6:
        return by_epoch, True
    binned = in_bins(curves.step_loss)
    return (binned, False) if len(binned) else (by_epoch, True)


def start_loss(curves: Curves) -> float:
    """Return the loss before anything was learned: median of the first steps, else the first epoch's mean."""
    steps = _first_steps(curves)
    if len(steps):
        return float(np.median(steps))
    epochs = present(curves.train_loss)
    return float(epochs[0]) if len(epochs) else float("nan")


def start_error(curves: Curves) -> float:
    """Return three standard errors of `start_loss`, as a share of it; 0 where it is an epoch's mean.

    A median of k values has 1.25 times the standard error of their mean.
    """
    steps = _first_steps(curves)
    if len(steps) < 2:
        return 0.0
    return float(3 * 1.25 * steps.std() / np.sqrt(len(steps)) / max(abs(float(np.median(steps))), 1e-12))


def _first_steps(curves: Curves) -> np.ndarray:
    """Return the losses of the first steps: 2 % of them, 3 to 20; none of a history under 8 steps."""
    steps = present(curves.step_loss)
    return steps[: max(3, min(len(steps) // 50, 20))] if len(steps) >= 8 else np.empty(0)
