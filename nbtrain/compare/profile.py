"""How a side trained: time per epoch with its spread, throughput, waiting, GPU. It judges nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbtrain.compare.trial import Side


@dataclass(frozen=True)
class Spread:
    """A measure over all epochs of all runs of a side. `std`: None below two values."""

    mean: float
    std: float | None
    median: float
    low: float
    high: float
    count: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "mean": self.mean, "std": self.std, "median": self.median, "min": self.low, "max": self.high,
            "epochs": self.count,
        }  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """None where a side has no such column. The first epoch is left out of the spreads where three or more
    follow: it warms up caches, workers and compilers.
    """

    epoch_s: Spread | None
    first_epoch_s: float | None
    samples_per_s: Spread | None
    gpu_util: Spread | None
    data_wait: Spread | None

    def to_dict(self) -> dict[str, Any]:
        spreads = ("epoch_s", "samples_per_s", "gpu_util", "data_wait")
        told = {
            name: spread.to_dict() if (spread := getattr(self, name)) is not None else None
            for name in spreads
        }
        return {**told, "first_epoch_s": self.first_epoch_s}


def profile_of(side: Side) -> Profile:
    """Return the training profile of a side."""
    times = [trial.column("epoch_time_s") for trial in side]
    firsts = [one[0] for one in times if len(one) and np.isfinite(one[0])]
    return Profile(
        _spread([_warm(one) for one in times]),
        float(np.mean(firsts)) if firsts else None,
        _spread([_warm(trial.column("samples_per_s")) for trial in side]),
        _spread([_warm(trial.column("gpu_util")) for trial in side]),
        _spread([_warm(trial.column("data_wait")) for trial in side]),
    )


def _warm(values: np.ndarray) -> np.ndarray:
    return values[1:] if len(values) > 3 else values


def _spread(columns: list[np.ndarray]) -> Spread | None:
    values = np.concatenate(columns) if columns else np.empty(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    low, high = float(values.min()), float(values.max())
    return Spread(float(values.mean()), std, float(np.median(values)), low, high, len(values))
