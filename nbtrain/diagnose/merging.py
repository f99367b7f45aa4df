"""From scalars by step, as loggers write them, to rows by epoch and a table by step. It reads no file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nbtrain.diagnose.columns import canonical

Points = Mapping[int, float]  # step -> value, each step as it was written last
_STEPWISE = ("train_loss", "grad_norm", "lr")


@dataclass(frozen=True)
class Merged:
    """Rows, the table by step, and what had to be decided."""

    rows: tuple[dict[str, float], ...]
    steps: pd.DataFrame
    notes: tuple[str, ...] = ()


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


def merge(series: Mapping[str, Points]) -> Merged:
    """Return rows at the steps of the validations; what was measured by step is averaged up to each.

    Without validations the steps of the rarest train series are the rows. An `epoch` series numbers the rows
    where it gives each a whole number of its own.
    """
    known = named(series)
    known.pop("step", None)
    numbers = known.pop("epoch", None)
    validations = [name for name in known if name.startswith("val_")]
    others = [name for name in known if name not in validations]
    if not validations and not others:
        return Merged((), _table({}))
    at = sorted({step for name in validations for step in known[name]})
    if not at:
        rarest = min(others, key=lambda name: len(known[name]))
        at = sorted(known[rarest])
    many = {name for name in others if len(known[name]) > 1.5 * len(at) and name not in validations}
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
                average = name in many and name != "lr"
                row[name] = _mean(values) if average else values[-1]
        rows.append(row)
        begin = step
    rows, notes = _numbered(rows, numbers)
    by_step = {name: known[name] for name in _STEPWISE if name in many}
    return Merged(tuple(rows), _table(by_step), notes)


def _mean(values: Sequence[float]) -> float:
    """Return the mean; what is not finite stays so."""
    return float(sum(values) / len(values))


def _numbered(
    rows: list[dict[str, float]], numbers: Points | None
) -> tuple[list[dict[str, float]], tuple[str, ...]]:
    """Return the rows with the writer's epochs, where each has a whole number of its own."""
    if not numbers:
        return rows, ("Rows are numbered in order: epochs, or evaluations where there were several in one.",)
    known = np.array(sorted(numbers))
    told = []
    for row in rows:
        place = int(np.searchsorted(known, row["step"], side="right")) - 1
        told.append(numbers[int(known[max(place, 0)])])
    whole = [round(value) for value in told]
    if len(set(whole)) < len(rows) or any(abs(a - b) > 1e-3 for a, b in zip(whole, told, strict=True)):
        return rows, ("Rows are evaluations, numbered in order.",)
    first = 1 if min(whole) == 0 else 0  # counted from 0
    return [{**row, "epoch": float(one + first)} for row, one in zip(rows, whole, strict=True)], ()


def _table(series: Mapping[str, Points]) -> pd.DataFrame:
    """Return a table indexed by step."""
    if "train_loss" not in series:
        series = {"train_loss": {}, **series}
    at = sorted({step for points in series.values() for step in points})
    columns = {name: [points.get(step, math.nan) for step in at] for name, points in series.items()}
    return pd.DataFrame(columns, index=pd.Index(at, name="step"), dtype=float)
