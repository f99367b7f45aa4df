"""A CSV log: a line an epoch, a line a step, or Lightning's, whose lines hold some columns each.

An empty cell is absent. `nan` is a loss that is not finite, unless a writer without empty cells meant absent:
where the column has it often, or only on lines that belong to others.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path

from nbtrain.diagnose.columns import canonical, side_of, tells_progress
from nbtrain.diagnose.history import History, history_of_rows
from nbtrain.diagnose.merging import merge
from nbtrain.diagnose.reader import Reader
from nbtrain.errors import InvalidMetrics

_ENDINGS = (".csv", ".tsv", ".log", ".txt")
_OFTEN_NAN = 0.4  # share of the lines: more are absent values
Row = dict[str, float]


def _find(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() in _ENDINGS else None
    if (path / "metrics.csv").is_file():
        return path / "metrics.csv"
    newest = sorted(path.glob("version_*/metrics.csv"), key=lambda file: _number(file.parent.name))
    if newest:
        return newest[-1]
    alone = sorted(path.glob("*.csv"))
    return alone[0] if len(alone) == 1 else None


def _number(name: str) -> int:
    digits = name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else -1


def read(path: Path) -> History:
    """Read the log.

    Raises:
        InvalidMetrics: it is no table, or has no column of numbers.
    """
    file = _find(path) or path
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(file, f"cannot be read as text: {error}") from error
    rows = _rows(file, text)
    if not rows:
        return history_of_rows((), name=file.stem, source=file.name)
    names = dict.fromkeys(name for row in rows for name in row)
    if not any(tells_progress(name) for name in names):
        raise _invalid(file, f"has no loss and no accuracy among its columns {', '.join(list(names)[:8])}")
    epochs = next((name for name in names if canonical(name) == "epoch"), None)
    steps = next((name for name in names if canonical(name) == "step"), None)
    if steps is not None and (epochs is None or len({row.get(epochs) for row in rows}) < len(rows)):
        return _by_step(file, rows, steps, epochs)
    if epochs is None:
        rows = [{"epoch": float(at), **row} for at, row in enumerate(rows, 1)]
    else:
        rows = _one_an_epoch(rows, epochs)
    return history_of_rows(rows, name=file.stem, source=file.name)


def _rows(file: Path, text: str) -> list[Row]:
    """Return the lines as numbers by column; words that are no numbers are left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        return []
    delimiter = max(",;\t", key=lines[0].count)
    if not lines[0].count(delimiter):
        raise _invalid(file, "is no table: its first line has no comma, semicolon or tab")
    try:
        table = list(csv.DictReader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        raise _invalid(file, f"is no CSV: {error}") from error
    columns = {
        name: [_as_number(line.get(name)) for line in table] for name in (table[0] if table else ()) if name
    }
    absent = {name for name in columns if _nan_is_absent(name, columns)}
    return [
        {
            name: number
            for name, word in line.items()
            if name
            and (number := _as_number(word)) is not None
            and not (name in absent and math.isnan(number))
        }
        for line in table
    ]


def _as_number(word: object) -> float | None:
    if not isinstance(word, str) or not word.strip():
        return None
    try:
        return float(word.strip().rstrip("%"))
    except ValueError:
        return None


def _nan_is_absent(name: str, columns: dict[str, list[float | None]]) -> bool:
    """Say whether `nan` in a column means absent: it stands on two of five lines between numbers or before
    the first, or only on lines that belong to another column, as in a log whose lines hold some columns each.
    """
    values = columns[name]
    nan = [at for at, value in enumerate(values) if value is not None and math.isnan(value)]
    finite = {at for at, value in enumerate(values) if value is not None and math.isfinite(value)}
    if not nan or not finite:
        return bool(nan) and canonical(name) != "train_loss"
    inside = [at for at in nan if min(finite) < at < max(finite)]
    before = [at for at in nan if at < min(finite)]
    if len(inside) > _OFTEN_NAN * (len(inside) + len(finite)) or len(before) > _OFTEN_NAN * len(values):
        return True
    for other, theirs in columns.items():
        held = {at for at, value in enumerate(theirs) if value is not None and math.isfinite(value)}
        if other != name and held.issuperset(nan) and len(held & finite) <= 0.1 * len(finite):
            return True
    return False


def _one_an_epoch(rows: Iterable[Row], epochs: str) -> list[Row]:
    """Return a row an epoch: a later line replaces what an earlier one of the epoch said."""
    found: dict[float, Row] = {}
    for row in rows:
        if epochs in row and math.isfinite(row[epochs]):
            found.setdefault(row[epochs], {}).update({**row, "epoch": row[epochs]})
    first = 1.0 if found and min(found) == 0 else 0.0
    return [{**found[at], "epoch": at + first} for at in sorted(found)]


def _by_step(file: Path, rows: list[Row], steps: str, epochs: str | None) -> History:
    """Lines by step: a run that was resumed goes back, and its later lines hold."""
    series: dict[str, dict[int, float]] = {}
    notes: list[str] = []
    newest = -math.inf
    for row in rows:
        if steps not in row or not math.isfinite(row[steps]):
            continue
        step = int(row[steps])
        if step < newest:
            notes = [f"The steps go back at step {step:,}: a run that was resumed; the later lines hold."]
            for points in series.values():
                for old in [one for one in points if one >= step]:
                    del points[old]
        newest = step
        for name, value in row.items():
            if name != steps:
                series.setdefault("epoch" if name == epochs else name, {})[step] = value
    if epochs is not None:
        return _by_epoch(file, series, notes)
    merged = merge(series, stepwise=True)
    table = merged.steps if len(merged.steps) else None
    return history_of_rows(
        merged.rows,
        name=file.stem,
        source=file.name,
        steps=table,
        notes=(*notes, *merged.notes),
        passes=merged.passes,
    )


def _by_epoch(file: Path, series: dict[str, dict[int, float]], notes: list[str]) -> History:
    """A row an epoch: what was measured once in it as it is, what was measured by step as its mean."""
    at = dict(sorted(series.pop("epoch").items()))
    kinds: dict[str, str] = {}
    order = sorted(series, key=lambda name: (not name.endswith("_epoch"), len(series[name])))
    for name in order:  # of train_loss_epoch and train_loss_step the first is the epoch's
        new = canonical(name) or name
        if new not in kinds.values():
            kinds[name] = new
    rows: dict[float, dict[str, list[float]]] = {}
    for name, new in kinds.items():
        for step, value in series[name].items():
            epoch = at.get(step)
            if epoch is not None and math.isfinite(epoch):
                rows.setdefault(epoch, {}).setdefault(new, []).append(value)
    first = 1.0 if rows and min(rows) == 0 else 0.0
    whole = [
        {
            "epoch": epoch + first,
            **{name: _taken(name, values) for name, values in rows[epoch].items()},
        }
        for epoch in sorted(rows)
    ]
    by_step = merge({name: points for name, points in series.items() if not name.endswith("_epoch")}).steps
    table = by_step if len(by_step) > len(whole) else None
    return history_of_rows(whole, name=file.stem, source=file.name, steps=table, notes=notes)


def _taken(name: str, values: list[float]) -> float:
    """Of what is measured on training data the mean, of all else the last."""
    average = side_of(name) == "train" or name == "grad_norm"
    return sum(values) / len(values) if average else values[-1]


def _invalid(file: Path, problem: str) -> InvalidMetrics:
    return InvalidMetrics(
        f"{file} {problem}.",
        suggestion="Expected is a header with epoch (or step), train_loss, val_loss, train_acc, val_acc ...",
        path=str(file),
        field="",
        problem=problem,
    )


READER = Reader(
    "csv-log", "a CSV log (also Lightning's metrics.csv)", 60, lambda path: _find(path) is not None, read
)
