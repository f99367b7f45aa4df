"""The learning curves of two sides in one figure. It judges nothing and draws nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrain.compare.pair import Pair
from nbtrain.compare.trial import Side
from nbtrain.report.decimate import decimate
from nbtrain.report.model import Axes, Circle, Figure, Series
from nbtrain.units import number

FIGURE_NAME = "comparison"
_ROLES = ("train", "valid")  # the theme's two colours that stay apart; here one a side
_PLOTS = 6
_POINTS = 1000
_TITLES = {
    "val_acc": "Validation accuracy (%)",
    "val_loss": "Validation loss",
    "train_acc": "Train accuracy (%)",
    "train_loss": "Train loss",
}


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
        series = [_series(one.side, name, role) for one, role in zip(sides, _ROLES, strict=True)]
        rings = tuple(
            Circle(best.epoch, _scale(name) * float(one.side.trials[0].column(name)[best.row]), "", "muted")
            for one in sides
            if name == pair.headline and len(one.side) == 1 and (best := one.best[0]) is not None
        )
        axes.append(Axes(title, tuple(series), x_label="epoch", circles=rings))
        told.append(_told(title, series))
    if not axes:
        return None
    bands = max(len(pair.baseline.side), len(pair.optimized.side)) > 1
    band = " Bands reach from the lowest to the highest run." if bands else ""
    names = f"{pair.baseline.side.name} and {pair.optimized.side.name}"
    alt = f"Learning curves of {names} by epoch. {' '.join(told)}{band}"
    caption = "Rings: the best epochs." if any(one.circles for one in axes) else ""
    return Figure(tuple(axes), alt=alt, caption=caption, name=FIGURE_NAME)


def several_curves(sides: Sequence[Side], headline: str | None) -> Figure | None:
    """Return the curves of many sides, a plot a metric; None where they share no metric."""
    shared = [name for name in sides[0].metrics() if all(side.has(name) for side in sides)] if sides else []
    shared.sort(key=lambda name: name != headline)
    roles = [*_ROLES, *[""] * max(len(sides) - 2, 0)]
    axes, told = [], []
    for name in shared[:4]:
        series = [_series(side, name, role) for side, role in zip(sides, roles, strict=False)]
        axes.append(Axes(_TITLES.get(name, name), tuple(series), x_label="epoch"))
        told.append(_told(_TITLES.get(name, name), series))
    return Figure(tuple(axes), alt=f"Learning curves. {' '.join(told)}", name=FIGURE_NAME) if axes else None


def _scale(name: str) -> float:
    return 100.0 if name.endswith("_acc") else 1.0


def _series(side: Side, name: str, role: str) -> Series:
    by_epoch: dict[float, list[float]] = {}
    for trial in side:
        for epoch, value in zip(trial.epochs.tolist(), trial.column(name).tolist(), strict=True):
            by_epoch.setdefault(epoch, []).append(value)
    x = np.array(sorted(by_epoch))
    rows = [np.array(by_epoch[at]) for at in x.tolist()]
    rows = [values[np.isfinite(values)] for values in rows]
    y = np.array([values.mean() if len(values) else np.nan for values in rows])
    scale = _scale(name)
    x_drawn, y_drawn = decimate(x, scale * y, _POINTS)
    if len(side) < 2 or len(x_drawn) != len(x):
        return Series(side.name, tuple(x_drawn.tolist()), tuple(y_drawn.tolist()), role=role)
    low = tuple(scale * float(values.min()) if len(values) else np.nan for values in rows)
    high = tuple(scale * float(values.max()) if len(values) else np.nan for values in rows)
    return Series(side.name, tuple(x.tolist()), tuple((scale * y).tolist()), role=role, low=low, high=high)


def _told(title: str, series: list[Series]) -> str:
    parts = []
    for one in series:
        seen = [value for value in one.y if np.isfinite(value)]
        if seen:
            parts.append(f"{one.name} from {number(seen[0], 3)} to {number(seen[-1], 3)}")
    return f"{title}: {'; '.join(parts)}."
