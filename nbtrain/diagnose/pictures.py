"""The curves of a run as a figure: what is plotted, in which order, with what marked. It judges nothing and
draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from nbtrain.report.decimate import decimate
from nbtrain.report.model import Axes, Figure, Mark, Series
from nbtrain.report.ticks import short
from nbtrain.runs.events import event_label
from nbtrain.units import percent

_POINTS = 1200  # a curve keeps twice as many at most; no picture shows more
# A finished curve is smoothed from both sides (mean over a fortieth of the run), because the exponential mean
# that a live view has to use lags behind a falling loss and seems to lie above it.
_WINDOW_SHARE, _LEAST_WINDOW = 40, 5
_LEAST_TO_SMOOTH = 20
_MARKS, _LABELS = 40, 5  # changes by hand that are marked, and how many of them are named
# Columns of `epochs` that have a place of their own, or are no curve.
_KNOWN = {
    "epoch", "step", "train_loss", "val_loss", "train_acc", "val_acc", "lr", "grad_norm", "grad_norm_max",
    "samples_per_s", "tokens_per_s",
    "data_wait", "epoch_time_s", "gpu_util", "layer_grad_norms", "val_time_s", "seed",
}  # fmt: skip


def curves_figure(
    epochs: pd.DataFrame, history: pd.DataFrame, *, best_step: float | None, limit: int = 6,
    evaluations: pd.DataFrame | None = None, events: Sequence[Mapping[str, Any]] = (),
) -> Figure:  # fmt: skip
    """Return the curves of a run: loss, accuracy and other metrics, gradient norm, learning rate, throughput.

    Args:
        epochs: one row an epoch, with the step at its end where known.
        history: indexed by step.
        best_step: where validation loss was best; marked on the loss.
        events: what was changed while it ran; marked on the loss, learning rates on their own curve too.
        limit: plots at most, the first ones.
        evaluations: one row a validation, indexed by step, where a run validated within its epochs too.
    """
    judged = _Judged(epochs, history, evaluations)
    across = _across(epochs, history)
    by_step = len(history) > 0 or "step" in epochs
    label = "step" if by_step else "epoch"
    found = [
        _loss(judged, history, best_step, label),
        _accuracy(judged, label),
        *_other_metrics(judged, label),
        _single("Gradient norm", "gradient", history, "grad_norm", epochs, across, label),
        _single("Learning rate", "lr", history, "lr", epochs, across, label),
        _single("Throughput", "throughput", history, "samples_per_s", epochs, across, label),
    ]
    found = [_with_events(one, events) for one in found] if by_step else found
    axes = tuple(one for one in found if one is not None)[:limit]
    return Figure(axes, alt=_in_words(judged, history, axes, best_step))


class _Judged:
    """What was measured at validations and at epochs' ends, by the x axis: the epochs' own columns, and
    those of a validation at every step that had one.
    """

    def __init__(self, epochs: pd.DataFrame, history: pd.DataFrame, evaluations: pd.DataFrame | None) -> None:
        self.epochs, self._across = epochs, _across(epochs, history)
        by_step = "step" in epochs and len(evaluations if evaluations is not None else ()) > len(epochs)
        self._evaluations = evaluations if by_step or not len(epochs) else None
        extra = [] if self._evaluations is None else list(self._evaluations.columns)
        self.columns = list(dict.fromkeys([*map(str, epochs.columns), *map(str, extra)]))

    def series(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (x, values) of a column."""
        if self._evaluations is not None and name.startswith("val_") and name in self._evaluations:
            return np.asarray(self._evaluations.index, float), numbers(self._evaluations, name)
        return self._across, numbers(self.epochs, name)


def _with_events(axes: Axes | None, events: Sequence[Mapping[str, Any]]) -> Axes | None:
    """A plot with the changes made by hand as marks; of many only the newest have a label."""
    kinds = {"Loss": None, "Learning rate": ("lr",)}
    if axes is None or axes.title not in kinds:
        return axes
    wanted = kinds[axes.title]
    shown = [e for e in events if "step" in e and (wanted is None or e.get("kind") in wanted)][-_MARKS:]
    marks = [Mark(float(e["step"]), event_label(e) if e in shown[-_LABELS:] else "", "muted") for e in shown]
    return replace(axes, marks=(*axes.marks, *marks))


def numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column as floats, words and absent values as NaN; all NaN without the column.

    Of a loop with several optimizers the first one's loss and gradients: those of others are of other kinds.
    """
    if name not in table:
        return np.full(len(table), np.nan)
    values = pd.to_numeric(table[name], errors="coerce").to_numpy(float, copy=True)
    if name in ("train_loss", "grad_norm") and "optimizer" in table and len(table):
        values[(table["optimizer"] != table["optimizer"].iloc[0]).to_numpy()] = np.nan
    return values


def _across(epochs: pd.DataFrame, history: pd.DataFrame) -> np.ndarray:
    """Return where each epoch ends on the x axis: its step, else its number."""
    steps = numbers(epochs, "step")
    if len(steps) and np.isfinite(steps).all():
        return steps
    count = numbers(epochs, "epoch")
    count = np.where(np.isfinite(count), count, np.arange(1, len(epochs) + 1))
    if len(history) and len(count):
        return count / count.max() * float(np.max(np.asarray(history.index, float)))
    return count


def _series(name: str, x: np.ndarray, y: np.ndarray, role: str, style: str = "line") -> Series:
    x, y = decimate(np.asarray(x, float), np.asarray(y, float), _POINTS)
    return Series(name, tuple(x.tolist()), tuple(y.tolist()), style=style, role=role)


def _smoothed(values: np.ndarray) -> np.ndarray:
    finite = pd.Series(np.where(np.isfinite(values), values, np.nan))
    window = max(_LEAST_WINDOW, len(values) // _WINDOW_SHARE) | 1
    return finite.rolling(window, center=True, min_periods=1).mean().where(finite.notna()).to_numpy()


def _explodes(values: np.ndarray) -> bool:
    """Return whether a curve leaves its start so far above that only a logarithmic axis shows both."""
    values = values[np.isfinite(values)]
    return bool(len(values) and values.min() > 0 and values.max() > 10 * np.median(values[:20]))


def _end_of_numbers(history: pd.DataFrame) -> tuple[Mark, ...]:
    """Return a mark where the train loss stopped being a number for good."""
    values = numbers(history, "train_loss")
    finite = np.flatnonzero(np.isfinite(values))
    if len(finite) == 0 or finite[-1] == len(values) - 1:
        return ()
    step = float(np.asarray(history.index, float)[finite[-1] + 1])
    return (Mark(step, f"NaN or infinite, step {step:,.0f}", "critical"),)


def _by_step(name: str, history: pd.DataFrame, column: str, role: str) -> list[Series]:
    values = numbers(history, column)
    if not np.isfinite(values).any():
        return []
    steps = np.asarray(history.index, float)
    if np.isfinite(values).sum() < _LEAST_TO_SMOOTH:
        return [_series(name, steps, values, role)]
    return [_series("each step", steps, values, role, "faint"), _series(name, steps, _smoothed(values), role)]


def _loss(
    judged: _Judged, history: pd.DataFrame, best_step: float | None, label: str
) -> Axes | None:
    series = _by_step("train", history, "train_loss", "train")
    if not series and np.isfinite(judged.series("train_loss")[1]).any():
        series = [_series("train", *judged.series("train_loss"), "train")]
    marks = _end_of_numbers(history)
    across, valid = judged.series("val_loss")
    if np.isfinite(valid).any():
        series.append(_series("valid", across, valid, "valid"))
        if best_step is not None and np.isfinite(valid).sum() > 1:
            best = short(float(valid[np.isfinite(valid)].min()))
            marks = (*marks, Mark(best_step, f"best {best}, {label} {best_step:,.0f}", "good"))
    log = _explodes(numbers(history, "train_loss"))
    return Axes("Loss", tuple(series), x_label=label, marks=marks, log_y=log)


def _accuracy(judged: _Judged, label: str) -> Axes | None:
    highest = [judged.series(name)[1] for name in ("train_acc", "val_acc")]
    percents = any(np.nanmax(values) > 1.5 for values in highest if np.isfinite(values).any())
    scale = 1.0 if percents else 100.0  # a fraction; some count in percent themselves
    return _pair("Accuracy (%)", judged, ("train_acc", "val_acc"), label, scale)


def _pair(
    title: str, judged: _Judged, names: tuple[str, str], label: str, scale: float = 1.0
) -> Axes | None:
    series = []
    for role, name in zip(("train", "valid"), names, strict=True):
        across, values = judged.series(name)
        if np.isfinite(values).any():
            series.append(_series(role, across, scale * values, role))
    return Axes(title, tuple(series), x_label=label) if series else None


def _other_metrics(judged: _Judged, label: str) -> Iterable[Axes]:
    """Yield a plot for every further metric; `train_x` and `val_x` share one."""
    names = [name for name in judged.columns if name not in _KNOWN]
    stems = dict.fromkeys(name.removeprefix("train_").removeprefix("val_") for name in names)
    for stem in stems:
        if f"train_{stem}" in names or f"val_{stem}" in names:
            axes = _pair(stem, judged, (f"train_{stem}", f"val_{stem}"), label)
        else:
            across, values = judged.series(stem)
            axes = (
                Axes(stem, (_series(stem, across, values, ""),), x_label=label)
                if np.isfinite(values).any()
                else None
            )
        if axes is not None:
            yield axes


def _single(
    title: str,
    role: str,
    history: pd.DataFrame,
    column: str,
    epochs: pd.DataFrame,
    across: np.ndarray,
    label: str,
) -> Axes | None:
    values = numbers(history, column)
    if role == "lr" and np.isfinite(values).any():  # a schedule is drawn as it is: smoothing would bend it
        series = [_series(column, np.asarray(history.index, float), values, role)]
    else:
        series = _by_step(column, history, column, role)
    if not series and np.isfinite(numbers(epochs, column)).any():
        series = [_series(column, across, numbers(epochs, column), role)]
    unit = "samples/s" if role == "throughput" else ""
    named = tuple(Series("", one.x, one.y, one.style, one.role) for one in series)
    log = role == "gradient" and _explodes(values)
    return Axes(title, named, x_label=label, y_label=unit, log_y=log) if series else None


def _in_words(
    judged: _Judged, history: pd.DataFrame, axes: tuple[Axes, ...], best_step: float | None
) -> str:
    """Describe the curves with their numbers, for those who do not see them."""
    parts = []
    train = judged.series("train_loss")[1]
    train = train if np.isfinite(train).any() else numbers(history, "train_loss")
    train = train[np.isfinite(train)]
    if len(train):
        parts.append(f"train loss from {short(train[0])} to {short(train[-1])}")
    valid = judged.series("val_loss")[1]
    valid = valid[np.isfinite(valid)]
    if len(valid):
        where = "" if best_step is None else f" at step {best_step:,.0f}"
        parts.append(
            f"validation loss from {short(valid[0])} to {short(valid[-1])}, best {short(valid.min())}{where}"
        )
    accuracy = judged.series("val_acc")[1]
    accuracy = accuracy[np.isfinite(accuracy)]
    if len(accuracy):
        scale = 100 if accuracy.max() > 1.5 else 1
        parts.append(f"validation accuracy {percent(accuracy[-1] / scale)} at the end")
    titles = ", ".join(one.title.lower().removesuffix(" (%)") for one in axes if one.series)
    if not parts:
        return "Training curves: no data yet."
    return f"Training curves ({titles}): {'; '.join(parts)}."
