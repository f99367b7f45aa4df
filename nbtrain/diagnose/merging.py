"""From scalars by step, as loggers write them, to rows by epoch and a table by step. It reads no file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nbtrain.diagnose.columns import canonical, side_of, tells_progress

Points = Mapping[int, float]  # step -> value, each step as it was written last
_STEPWISE = ("train_loss", "grad_norm", "lr")
_PARTS = 40  # of a log without validations that counts steps: rows
_A_PART = 5  # steps at least
_SERIES = 3  # points that a series has at least: less is a result, no measure of time
_MANY = 200  # points that nobody would call epochs, where the writer may have counted those


@dataclass(frozen=True)
class Merged:
    """Rows, the table by step, and what had to be decided. `passes`: as in History."""

    rows: tuple[dict[str, float], ...]
    steps: pd.DataFrame
    notes: tuple[str, ...] = ()
    passes: float | None = None


def named(series: Mapping[str, Points]) -> dict[str, Points]:
    """Return the series under the names of metrics.json; of two that mean the same, the one with more points
    by step for what is measured each step, else the first.
    """
    found: dict[str, Points] = {}
    for name, points in series.items():
        new = canonical(name) or name
        if new not in found or (new in _STEPWISE and len(points) > len(found[new])):
            found[new] = points
    return found


def merge(series: Mapping[str, Points], *, stepwise: bool = False) -> Merged:
    """Return rows at the steps of the validations; what was measured by step is averaged up to each.

    Without validations the steps of the rarest train series that tells of progress are the rows; where those
    are many, or eight parts of five steps in a log that counts steps for sure, up to forty equal parts of the
    run are. A value that is written once (Lightning's `hp_metric`) makes no rows where a series does.
    An `epoch` series numbers the rows where it gives each a whole number of its own.

    Args:
        stepwise: the writer counts optimizer steps, never epochs.
    """
    known = named(series)
    known.pop("step", None)
    numbers = known.pop("epoch", None)
    validations = [name for name in known if side_of(name) == "val" and _is_series(name, known[name])]
    others = [name for name in known if name not in validations]
    if not validations and not others:
        return Merged((), _table({}))
    at = sorted({step for name in validations for step in known[name]})
    what = "evaluations"
    if not at:
        at = sorted(known[_clock(known)])
        if len(at) > _MANY or (stepwise and len(at) >= 8 * _A_PART):
            at, what = _parts(at), "equal parts of the run"
    many = {name for name in others if len(known[name]) > 1.5 * len(at) and name not in validations}
    rows = _rows(known, at, averaged=many - {"lr"}, whole=what != "evaluations")
    numbered, notes = _numbered(rows, numbers, what)
    passes = None
    if numbered is rows and (numbers or what != "evaluations"):
        passes = max(numbers.values(), default=0.0) if numbers else 0.0
    by_step = {name: known[name] for name in _STEPWISE if name in many}
    return Merged(tuple(numbered), _table(by_step), notes, passes)


def _is_series(name: str, points: Points) -> bool:
    return tells_progress(name) or len(points) >= _SERIES


def _clock(known: Mapping[str, Points]) -> str:
    """Return the series whose steps are rows: the rarest that tells of progress, or the longest."""
    told = [name for name, points in known.items() if tells_progress(name) and len(points) >= _SERIES]
    if told:
        return min(told, key=lambda name: len(known[name]))
    return max(known, key=lambda name: len(known[name]))


def _parts(steps: list[int]) -> list[int]:
    """Return the last step of each of up to forty equal parts."""
    count = min(_PARTS, len(steps) // _A_PART)
    return [steps[end - 1] for end in np.linspace(0, len(steps), count + 1).astype(int)[1:]]


def _rows(
    known: Mapping[str, Points], at: Sequence[int], *, averaged: set[str], whole: bool
) -> list[dict[str, float]]:
    """Return a row for what was measured up to each of some steps. `whole`: means leave out what is not
    finite, where anything else is there.
    """
    rows: list[dict[str, float]] = []
    begin = -math.inf
    arrays = {name: (np.array(sorted(points)), points) for name, points in known.items()}
    for number, step in enumerate(at, 1):
        row: dict[str, float] = {"epoch": float(number), "step": float(step)}
        for name, (steps, points) in arrays.items():
            first, last = np.searchsorted(steps, (begin, step), side="right")
            inside = steps[first:last]
            if len(inside):
                values = [points[int(one)] for one in inside]
                finite = [value for value in values if math.isfinite(value)] if whole else []
                row[name] = _mean(finite or values) if name in averaged else values[-1]
        rows.append(row)
        begin = step
    return rows


def _mean(values: Sequence[float]) -> float:
    """Return the mean; what is not finite stays so."""
    return float(sum(values) / len(values))


def _numbered(
    rows: list[dict[str, float]], numbers: Points | None, what: str
) -> tuple[list[dict[str, float]], tuple[str, ...]]:
    """Return the rows with the writer's epochs, where each has a whole number of its own."""
    if not numbers:
        epochs = "epochs, or evaluations where there were several in one"
        return rows, (f"Rows are numbered in order: {epochs if what == 'evaluations' else what}.",)
    known = np.array(sorted(numbers))
    told = []
    for row in rows:
        place = int(np.searchsorted(known, row["step"], side="right")) - 1
        told.append(numbers[int(known[max(place, 0)])])
    whole = [round(value) for value in told]
    if len(set(whole)) < len(rows) or any(abs(a - b) > 1e-3 for a, b in zip(whole, told, strict=True)):
        return rows, (f"Rows are {what}, numbered in order.",)
    first = 1 if min(whole) == 0 else 0  # counted from 0
    return [{**row, "epoch": float(one + first)} for row, one in zip(rows, whole, strict=True)], ()


def _table(series: Mapping[str, Points]) -> pd.DataFrame:
    """Return a table indexed by step."""
    if "train_loss" not in series:
        series = {"train_loss": {}, **series}
    at = sorted({step for points in series.values() for step in points})
    columns = {name: [points.get(step, math.nan) for step in at] for name, points in series.items()}
    return pd.DataFrame(columns, index=pd.Index(at, name="step"), dtype=float)
