"""Each metric of two sides: values at the best epochs, improvement, test and interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbtrain.compare.best import Best, best_of, last_of
from nbtrain.compare.directions import UP, direction_of
from nbtrain.compare.statistics import bootstrap_interval, welch
from nbtrain.compare.trial import Side, Trial


@dataclass(frozen=True)
class Sample:
    """A metric's values over the runs of a side, one a run; `last`: the same at the last epochs."""

    values: tuple[float, ...]
    last: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        return _mean(self.values)

    @property
    def last_mean(self) -> float:
        return _mean(self.last)

    @property
    def std(self) -> float | None:
        """Sample standard deviation; None below two values."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Measure:
    """A metric on both sides.

    Attributes:
        direction: "up", "down", or None where it is not known; then there is no improvement.
        absolute: improvement in the metric's unit, positive is better. relative_percent: of the baseline.
        p_value: Welch's, two-sided, not corrected for the number of metrics. interval: of `absolute`, 95 %.
    """

    name: str
    direction: str | None
    baseline: Sample
    optimized: Sample
    absolute: float | None = None
    relative_percent: float | None = None
    absolute_last: float | None = None
    p_value: float | None = None
    interval: tuple[float, float] | None = None
    t: float | None = None
    df: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's keys and what stands beside them."""
        return {
            "name": self.name,
            "baseline": _told(self.baseline.mean),
            "optimized": _told(self.optimized.mean),
            "absolute": self.absolute,
            "relative_percent": self.relative_percent,
            "direction": self.direction,
            "p_value": self.p_value,
            "interval": list(self.interval) if self.interval is not None else None,
            "baseline_last": _told(self.baseline.last_mean),
            "optimized_last": _told(self.optimized.last_mean),
            "absolute_last": self.absolute_last,
            "baseline_std": self.baseline.std,
            "optimized_std": self.optimized.std,
            "baseline_values": list(self.baseline.values),
            "optimized_values": list(self.optimized.values),
        }


@dataclass(frozen=True)
class Gap:
    """How far validation is behind training at the best epoch, >= 0 when behind; `metric`: acc or loss."""

    metric: str
    baseline: float
    optimized: float

    @property
    def change(self) -> float:
        """Optimized minus baseline: negative where the gap became smaller."""
        return self.optimized - self.baseline

    def to_dict(self) -> dict[str, Any]:
        return {
            "metric": self.metric, "baseline": self.baseline, "optimized": self.optimized,
            "change": self.change,
        }  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """A side with its best epochs. `best`: by run, in order; None where one has no such metric."""

    side: Side
    best: tuple[Best | None, ...]
    by: str | None = field(default=None)

    @property
    def epoch(self) -> float | None:
        """The best epoch; over several runs its median."""
        known = [best.epoch for best in self.best if best is not None]
        return float(np.median(known)) if known else None

    def sample(self, name: str) -> Sample:
        """Return a metric's values at the best epochs; a run without a value there is left out."""
        pairs = [
            (_at(trial, best, name), last_of(trial, name))
            for trial, best in zip(self.side, self.best, strict=True)
            if best is not None
        ]
        kept = [(value, last) for value, last in pairs if math.isfinite(value)]
        return Sample(tuple(value for value, _ in kept), tuple(last for _, last in kept))


def judged(side: Side, by: str | None, direction: str | None) -> Judged:
    """Return the side with each run's best epoch by a metric."""
    return Judged(side, tuple(best_of(trial, by, direction) for trial in side), by)


def measure(name: str, baseline: Judged, optimized: Judged, declared: Mapping[str, str]) -> Measure | None:
    """Compare one metric; None where a side has no value at its best epochs."""
    a, b = baseline.sample(name), optimized.sample(name)
    if not a.values or not b.values:
        return None
    direction = direction_of(name, declared)
    if direction is None:
        return Measure(name, None, a, b)
    sign = 1.0 if direction == UP else -1.0
    absolute = sign * (b.mean - a.mean) + 0.0  # no minus before a zero
    tested = welch(a.values, b.values)
    interval = bootstrap_interval([sign * value for value in a.values], [sign * value for value in b.values])
    return Measure(
        name,
        direction,
        a,
        b,
        absolute,
        100 * absolute / abs(a.mean) if a.mean else None,
        sign * (b.last_mean - a.last_mean) + 0.0,
        tested.p if tested is not None else None,
        interval,
        sign * tested.t if tested is not None else None,
        tested.df if tested is not None else None,
    )


def gap(baseline: Judged, optimized: Judged) -> Gap | None:
    """Return the gap between training and validation on both sides: of accuracies, else of losses."""
    for kind, sign in (("acc", 1.0), ("loss", -1.0)):
        sizes = []
        for one in (baseline, optimized):
            found = [
                sign * (_at(trial, best, f"train_{kind}") - _at(trial, best, f"val_{kind}"))
                for trial, best in zip(one.side, one.best, strict=True)
                if best is not None
            ]
            found = [value for value in found if math.isfinite(value)]
            if found:
                sizes.append(_mean(found))
        if len(sizes) == 2:
            return Gap(kind, sizes[0], sizes[1])
    return None


def _at(trial: Trial, best: Best, name: str) -> float:
    return float(trial.column(name)[best.row])


def _mean(values: tuple[float, ...] | list[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _told(value: float) -> float | None:
    return value if math.isfinite(value) else None
