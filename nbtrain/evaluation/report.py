"""An evaluation as a report: metrics with intervals, classes, what is taken for what."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbtrain import units
from nbtrain.evaluation.measuring import Evaluation, Measured
from nbtrain.report.model import Block, Cell, Details, KeyValues, Report, Section, Table, Text

MOST_COLUMNS = 12  # classes of a matrix that is shown whole
MOST_MISTAKES = 10


def evaluation_report(found: Evaluation, *, weights: str, data: str, classes: tuple[str, ...] = ()) -> Report:
    """Return the report.

    Args:
        weights, data: what was evaluated on what, in words. classes: names, in the order of the outputs.
    """
    sections = [Section("Metrics", (_metrics(found), _pass(found, weights, data)))]
    matrix = found.confusion
    if matrix is not None:
        names = tuple(classes) if len(classes) == len(matrix) else tuple(map(str, range(len(matrix))))
        sections.append(Section("By class", tuple(_classes(matrix, names))))
    return Report(
        "Evaluation", tuple(sections), _headline(found, data), "info", _data(found, weights, data, classes)
    )


def _headline(found: Evaluation, data: str) -> str:
    name, value = next(
        ((name, found.metrics[name]) for name in ("accuracy", "loss") if name in found.metrics),
        next(iter(found.metrics.items())),
    )
    return f"{name.capitalize()} {_said(name, value)} on {units.counted(found.samples, 'sample')} of {data}."


def _one(name: str, number: float) -> str:
    return units.percent(number, 2) if name == "accuracy" else units.number(number)


def _interval(name: str, value: Measured) -> str:
    if value.interval is None:
        return "–"
    return f"{_one(name, value.interval[0])} to {_one(name, value.interval[1])}"


def _said(name: str, value: Measured) -> str:
    said = _one(name, value.value)
    return said if value.interval is None else f"{said} ({_interval(name, value)})"


def _metrics(found: Evaluation) -> Table:
    rows = tuple(
        (name, _one(name, value.value), _interval(name, value)) for name, value in found.metrics.items()
    )
    return Table(("Metric", "Value", "95 % interval"), rows, numeric=(1,))


def _pass(found: Evaluation, weights: str, data: str) -> KeyValues:
    pace = found.samples / found.seconds if found.seconds else float("nan")
    return KeyValues((
        ("Weights", weights), ("Data", f"{data}, {units.counted(found.samples, 'sample')}"),
        ("Time", f"{units.seconds(found.seconds)}, {units.count(pace)} samples a second"),
        ("Intervals", "accuracy: Wilson; others: bootstrap over the batches"),
    ))  # fmt: skip


def per_class(matrix: np.ndarray) -> list[tuple[float, float, float, int]]:
    """Return (precision, recall, F1, samples) of each class; NaN where it was never predicted, or absent."""
    right, said, there = np.diag(matrix).astype(float), matrix.sum(0), matrix.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = right / said, right / there
        f1 = 2 * right / (said + there)
    return [
        (float(p), float(r), float(f), int(n))
        for p, r, f, n in zip(precision, recall, f1, there, strict=True)
    ]


def _classes(matrix: np.ndarray, names: tuple[str, ...]) -> list[Block]:
    rows = tuple(
        (name, units.percent(p), units.percent(r), units.percent(f), units.count(n))
        for name, (p, r, f, n) in zip(names, per_class(matrix), strict=True)
    )
    table = Table(("Class", "Precision", "Recall", "F1", "Samples"), rows, numeric=(1, 2, 3, 4))
    blocks: list[Block] = [table if len(rows) <= 20 else Details(f"{len(rows)} classes", (table,))]
    mistakes = [
        (int(matrix[a, b]), a, b)
        for a in range(len(matrix))
        for b in range(len(matrix))
        if a != b and matrix[a, b]
    ]
    if mistakes:
        top = tuple(
            (names[a], names[b], units.count(n), units.percent(n / matrix[a].sum()))
            for n, a, b in sorted(mistakes, reverse=True)[:MOST_MISTAKES]
        )
        blocks.append(
            Table(
                ("Truth", "Taken for", "Times", "Of this class"),
                top,
                "Most frequent mistakes",
                numeric=(2, 3),
            )
        )
    else:
        blocks.append(Text("No mistake was made.", "good"))
    if len(matrix) <= MOST_COLUMNS:
        body = tuple(
            (Cell(names[a]), *(Cell(str(n), "good" if a == b and n else "critical" if n else "muted")
                               for b, n in enumerate(row)))
            for a, row in enumerate(matrix)
        )  # fmt: skip
        columns = ("Truth \\ said", *names)
        blocks.append(Table(columns, body, "Confusion matrix", numeric=tuple(range(1, len(columns)))))
    return blocks


def _data(found: Evaluation, weights: str, data: str, classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "weights": weights, "data": data, "samples": found.samples, "seconds": found.seconds,
        "metrics": {
            name: {"value": one.value, "interval": list(one.interval) if one.interval else None}
            for name, one in found.metrics.items()
        },
        "confusion": found.confusion.tolist() if found.confusion is not None else None,
        "classes": list(classes) or None,
    }  # fmt: skip
