"""The epoch a run is judged at: its best by a validation metric. It compares nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbtrain.compare.directions import UP, direction_of
from nbtrain.compare.trial import Trial


@dataclass(frozen=True)
class Best:
    """Where a run was best. `row`: index of its table; `by`: the metric that said so."""

    row: int
    epoch: float
    by: str


def best_of(trial: Trial, by: str | None, direction: str | None) -> Best | None:
    """Return the run's best epoch by a metric.

    Of equal values the one with the lower validation loss, then the earlier, counts. Without a metric the
    run's own validation, else its train loss, decides.
    """
    if by is None:
        by = next(
            (name for name in ("val_acc", "val_loss", "train_loss", *trial.metrics()) if trial.has(name)),
            None,
        )
        direction = direction_of(by) if by is not None else None
    if by is None or not trial.has(by):
        return None
    values = trial.column(by) * (-1 if direction == UP else 1)
    ties = np.flatnonzero(values == np.nanmin(values))
    losses = trial.column("val_loss")[ties]
    row = int(ties[0] if not np.isfinite(losses).any() else ties[int(np.nanargmin(losses))])
    return Best(row, float(trial.epochs[row]), by)


def first_to_reach(trial: Trial, name: str, target: float, direction: str) -> float | None:
    """Return the first epoch at which a metric is as good as `target`, or None where it never is."""
    values = trial.column(name)
    slack = 1e-9 * max(1.0, abs(target))
    reached = values >= target - slack if direction == UP else values <= target + slack
    rows = np.flatnonzero(reached & np.isfinite(values))
    return float(trial.epochs[rows[0]]) if len(rows) else None


def last_of(trial: Trial, name: str) -> float:
    """Return the metric's last value, NaN where it has none."""
    values = trial.column(name)
    values = values[np.isfinite(values)]
    return float(values[-1]) if len(values) else float("nan")
