"""The learning curves of two sides in one figure. It judges nothing and draws nothing."""

from __future__ import annotations

import numpy as np

from nbtrain.compare.directions import in_points
from nbtrain.compare.measures import Judged
from nbtrain.compare.pair import Pair
from nbtrain.report.decimate import decimate
from nbtrain.report.model import Axes, Figure, Mark, Series
from nbtrain.units import number

FIGURE_NAME = "comparison"
_ROLES = ("train", "valid")  # the theme's two colours that stay apart; here one a side
_PLOTS = 6
_POINTS = 1000
_TITLES = {
    "val_acc": "Validation accuracy", "val_loss": "Validation loss", "train_acc": "Train accuracy",
    "train_loss": "Train loss",
}  # fmt: skip


def learning_curves(pair: Pair) -> Figure | None:
    """Return both sides' curves, a plot a metric, the headline first; None where no metric is shared.

    Of several runs a side the mean is drawn, with a band from the lowest to the highest.
    """
    order = ["val_loss", "val_acc", "train_loss", "train_acc"]
    names = [one.name for one in pair.measures]
    names.sort(key=lambda name: (name != pair.headline, order.index(name) if name in order else len(order)))
    axes, told = [], []
    for name in names[:_PLOTS]:
        title = _TITLES.get(name, name)
        sides = (pair.baseline, pair.optimized)
        series = [_series(one, name, role) for one, role in zip(sides, _ROLES, strict=True)]
        marks = [
            Mark(one.epoch, f"best of {one.side.name}, epoch {one.epoch:.0f}", "muted")
            for one in sides
            if name == pair.headline and one.epoch is not None
        ]
        axes.append(Axes(title, tuple(series), x_label="epoch", marks=tuple(marks)))
        told.append(_told(title, series))
    if not axes:
        return None
    bands = max(len(pair.baseline.side), len(pair.optimized.side)) > 1
    band = " Bands reach from the lowest to the highest run." if bands else ""
    alt = f"Learning curves of {pair.baseline.side.name} and {pair.optimized.side.name} by epoch. {' '.join(told)}{band}"
    return Figure(tuple(axes), alt=alt, name=FIGURE_NAME)


def _series(one: Judged, name: str, role: str) -> Series:
    by_epoch: dict[float, list[float]] = {}
    for trial in one.side:
        for epoch, value in zip(trial.epochs.tolist(), trial.column(name).tolist(), strict=True):
            by_epoch.setdefault(epoch, []).append(value)
    x = np.array(sorted(by_epoch))
    rows = [np.array(by_epoch[at]) for at in x.tolist()]
    rows = [values[np.isfinite(values)] for values in rows]
    y = np.array([values.mean() if len(values) else np.nan for values in rows])
    scale = 100.0 if name.endswith("_acc") and in_points(name) else 1.0
    x_drawn, y_drawn = decimate(x, scale * y, _POINTS)
    if len(one.side) < 2 or len(x_drawn) != len(x):
        return Series(one.side.name, tuple(x_drawn.tolist()), tuple(y_drawn.tolist()), role=role)
    low = tuple(scale * float(values.min()) if len(values) else np.nan for values in rows)
    high = tuple(scale * float(values.max()) if len(values) else np.nan for values in rows)
    return Series(
        one.side.name, tuple(x.tolist()), tuple((scale * y).tolist()), role=role, low=low, high=high
    )


def _told(title: str, series: list[Series]) -> str:
    parts = []
    for one in series:
        seen = [value for value in one.y if np.isfinite(value)]
        if seen:
            parts.append(f"{one.name} from {number(seen[0], 3)} to {number(seen[-1], 3)}")
    return f"{title}: {'; '.join(parts)}."
