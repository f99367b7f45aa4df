"""Compare two sides: everything that is known of the difference, as one frozen value. It shows nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbtrain.compare.best import first_to_reach
from nbtrain.compare.comparable import Sameness, headline_of, losses_differ, obstacles, sameness
from nbtrain.compare.differences import Changed, differences, unlike_within
from nbtrain.compare.directions import direction_of
from nbtrain.compare.measures import Gap, Judged, Measure, gap, judged, measure
from nbtrain.compare.statistics import ALPHA
from nbtrain.compare.trial import Side, distinct, in_one_unit
from nbtrain.compare.verdict import Verdict, not_comparable, verdict_on


@dataclass(frozen=True)
class Reached:
    """How soon the baseline's best was reached, in epochs; medians over several runs.

    Attributes:
        target: the baseline's best of the headline metric. baseline: epochs the baseline took.
        optimized: epochs the optimized side took; None where no run, or less than half of them, got there.
        share: runs of the optimized side that got there, of all. seconds: training time until there, where
            each epoch's is known (baseline, optimized).
    """

    target: float
    baseline: float
    optimized: float | None
    share: tuple[int, int]
    seconds: tuple[float | None, float | None] = (None, None)

    def to_dict(self) -> dict[str, Any]:
        return {
            "target": self.target, "baseline": self.baseline, "optimized": self.optimized,
            "runs_that_reached": self.share[0], "runs": self.share[1],
            "baseline_seconds": self.seconds[0], "optimized_seconds": self.seconds[1],
        }  # fmt: skip


@dataclass(frozen=True)
class Resource:
    """What a side took, the mean of its runs. `kind`: seconds, money, hours or bytes; less is better."""

    name: str
    kind: str
    baseline: float | None
    optimized: float | None
    currency: str = ""

    @property
    def saved_percent(self) -> float | None:
        """What the optimized side saved, in percent of the baseline; negative where it took more."""
        if self.baseline is None or self.optimized is None or not self.baseline:
            return None
        return 100 * (self.baseline - self.optimized) / self.baseline

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name, "unit": self.currency or self.kind, "baseline": self.baseline,
            "optimized": self.optimized, "saved_percent": self.saved_percent,
        }  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Two sides, compared.

    Attributes:
        headline: the metric of the verdict; None where both have none.
        undirected: metrics whose direction is not known. one_sided: metric -> the side that alone has it.
    """

    baseline: Judged
    optimized: Judged
    verdict: Verdict
    headline: str | None
    measures: tuple[Measure, ...]
    gap: Gap | None
    reached: Reached | None
    resources: tuple[Resource, ...]
    changed: tuple[Changed, ...]
    same: Sameness
    undirected: tuple[str, ...] = ()
    one_sided: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def headline_measure(self) -> Measure | None:
        return next((one for one in self.measures if one.name == self.headline), None)


def compare_sides(
    baseline: Side,
    optimized: Side,
    *,
    declared: Mapping[str, str] | None = None,
    metric: str | None = None,
    alpha: float = ALPHA,
) -> Pair:
    """Compare two sides.

    Args:
        declared: direction of metrics whose name does not tell it, "up" or "down".
        metric: the headline metric; None takes val_acc where both have it, else val_loss.
        alpha: level of the test.
    """
    declared = declared or {}
    (baseline, optimized), notes = in_one_unit((baseline, optimized))
    said = list(notes)
    (baseline, copied), (optimized, copied_too) = distinct(baseline), distinct(optimized)
    said += [text for text in (copied, copied_too) if text]
    headline = headline_of((baseline, optimized), metric, declared)
    direction = direction_of(headline, declared) if headline is not None else None
    reasons = obstacles(baseline, optimized, headline, metric)
    if headline is not None and direction is None:
        reasons.append(
            f"It is not known which way {headline} gets better; declare it (--up or --down {headline})."
        )
    a, b = judged(baseline, headline, direction), judged(optimized, headline, direction)
    shared = [name for name in baseline.metrics() if optimized.has(name)]
    measures = [one for name in shared if (one := measure(name, a, b, declared)) is not None]
    measures.sort(key=lambda one: one.name != headline)
    top = next((one for one in measures if one.name == headline), None)
    verdict = (
        not_comparable(reasons) if reasons or top is None else verdict_on(top, (baseline, optimized), alpha)
    )
    reached = None
    if headline is not None and direction is not None:
        reached = _reached(a, b, headline, direction)
    return Pair(
        a,
        b,
        verdict,
        headline,
        tuple(measures),
        gap(a, b),
        reached,
        _resources(baseline, optimized),
        differences(baseline, optimized),
        sameness(baseline, optimized),
        tuple(one.name for one in measures if one.direction is None),
        _one_sided(baseline, optimized),
        tuple(dict.fromkeys([*said, *_notes(a, b, headline)])),
    )


def _reached(baseline: Judged, optimized: Judged, name: str, direction: str) -> Reached | None:
    sample = baseline.sample(name)
    if not sample.values or not len(optimized.side):
        return None
    target = sample.mean
    own = [epoch for trial in baseline.side if (epoch := first_to_reach(trial, name, target, direction))]
    theirs = [first_to_reach(trial, name, target, direction) for trial in optimized.side]
    got = [epoch for epoch in theirs if epoch is not None]
    # half of the runs did not get there: then the median is "never"
    median = float(np.median(got)) if got and 2 * len(got) > len(theirs) else None
    first = float(np.median(own)) if own else float(baseline.epoch or 0)
    return Reached(
        target,
        first,
        median,
        (len(got), len(theirs)),
        (_seconds(baseline, first), _seconds(optimized, median)),
    )


def _seconds(one: Judged, epoch: float | None) -> float | None:
    """Return the training time up to an epoch, the mean over the runs that know each epoch's."""
    if epoch is None:
        return None
    known = []
    for trial in one.side:
        times = trial.column("epoch_time_s")[trial.epochs <= epoch]
        if len(times) and np.isfinite(times).all():
            known.append(float(times.sum()))
    return float(np.mean(known)) if known else None


def _resources(baseline: Side, optimized: Side) -> tuple[Resource, ...]:
    found = []
    for name, kind, key in (
        ("training time", "seconds", "seconds"),
        ("GPU hours", "hours", "gpu_hours"),
        ("cost", "money", "cost"),
        ("peak memory", "bytes", "peak_bytes"),
    ):
        values = [_mean_spent(side, key) for side in (baseline, optimized)]
        currencies = {
            trial.spent.currency for side in (baseline, optimized) for trial in side if trial.spent.currency
        }
        if any(values) and not (kind == "money" and len(currencies) > 1):
            found.append(
                Resource(
                    name, kind, *values, currency=currencies.pop() if kind == "money" and currencies else ""
                )
            )
    pace = [_pace(side) for side in (baseline, optimized)]
    if any(value is not None for value in pace):
        found.insert(1, Resource("time per epoch", "seconds", *pace))
    return tuple(found)


def _mean_spent(side: Side, key: str) -> float | None:
    values = [value for trial in side if (value := getattr(trial.spent, key)) is not None]
    return float(np.mean(values)) if values else None


def _pace(side: Side) -> float | None:
    """Return the median time of an epoch, the mean over runs."""
    values = [trial.column("epoch_time_s") for trial in side if trial.has("epoch_time_s")]
    return float(np.mean([np.nanmedian(one) for one in values])) if values else None


def _one_sided(baseline: Side, optimized: Side) -> dict[str, str]:
    a, b = baseline.metrics(), optimized.metrics()
    return {name: baseline.name for name in a if name not in b} | {
        name: optimized.name for name in b if name not in a
    }


def _notes(a: Judged, b: Judged, headline: str | None) -> list[str]:
    notes = [text for one in (a, b) for trial in one.side for text in trial.notes]
    lengths = [sorted({len(trial.table) for trial in one.side}) for one in (a, b)]
    if all(lengths) and lengths[0] != lengths[1]:
        notes.append(
            f"The sides trained for other numbers of epochs: {_range(lengths[0])} and {_range(lengths[1])}. "
            "A longer training is itself a change."
        )
    for one in (a, b):
        unlike = unlike_within(one.side)
        if unlike:
            notes.append(
                f"The runs of {one.side.name} differ in more than the seed: {', '.join(unlike[:5])}. "
                "A test between seeds takes them as repetitions of one set-up."
            )
        unfinished = [f"{trial.name} is {trial.status}" for trial in one.side if trial.status in _UNFINISHED]
        if unfinished:
            notes.append(f"Not finished: {', '.join(unfinished[:5])}; what it has so far is compared.")
        notes += _other_best(one, headline)
    if losses_differ(a.side, b.side) and headline is not None and not headline.endswith("loss"):
        notes.append("The losses are of other kinds: their numbers say nothing about each other.")
    return notes


_UNFINISHED = ("planned", "running", "paused", "failed", "interrupted", "stopped")


def _other_best(one: Judged, headline: str | None) -> list[str]:
    """Say where a run's lowest validation loss, by which checkpoints are kept as best, is another epoch."""
    if headline == "val_loss" or len(one.side) != 1 or one.best[0] is None:
        return []
    trial, best = one.side.trials[0], one.best[0]
    losses = trial.column("val_loss")
    if not np.isfinite(losses).any():
        return []
    epoch = float(trial.epochs[int(np.nanargmin(losses))])
    if epoch == best.epoch:
        return []
    return [
        f"{one.side.name}: the best epoch by {best.by} is {best.epoch:.0f}, by val_loss {epoch:.0f}; the "
        "checkpoint kept as best is chosen by val_loss."
    ]


def _range(lengths: list[int]) -> str:
    return str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
