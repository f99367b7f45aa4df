"""metrics.json: one row an epoch, the file that diagnosing and comparing read, whoever wrote it.

Owns the schema nbtrain.metrics/1, its checks, and the two CSV curves. Knows nothing of runs and folders.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter, lt
from pathlib import Path
from typing import Any

from nbtrain.errors import InvalidMetrics, UsageError
from nbtrain.runs.files import REAL, Files, disk_trouble, replace_file
from nbtrain.runs.plain import for_json, from_json_number

SCHEMA = "nbtrain.metrics/1"
# the columns every row has, in the order of the file; null where not known
COLUMNS = (
    "epoch", "step", "train_loss", "val_loss", "train_acc", "val_acc", "lr", "grad_norm", "gpu_util",
    "samples_per_s", "epoch_time_s",
)  # fmt: skip
_EMPTY = dict.fromkeys(COLUMNS)
_PLAIN = {float, int, type(None)}
_SAFE_INT = 2**53  # larger ones may be too large for a float
FRACTION = "fraction"  # the "accuracy_unit" of the files we write
PERCENT_ABOVE = 1.5  # an accuracy over this is no fraction, also allowing for rounding: it is percent
_ACCURACY = re.compile(r"(^|_)(acc|accuracy)$")


@dataclass(frozen=True)
class MetricsFile:
    """A metrics file that was read and checked.

    Attributes:
        epochs: one dict an epoch, ordered by epoch, each with all of `COLUMNS`; non-finite values are floats,
            unknown ones None, accuracies 0..1.
        percent_columns: accuracy columns that were written as percent and divided by 100; never in a file
            of ours.
    """

    epochs: tuple[dict[str, Any], ...]
    run_id: str | None = None
    seed: int | None = None
    schema: str = SCHEMA
    percent_columns: tuple[str, ...] = ()


def write_metrics(
    path: Path,
    epochs: Iterable[Mapping[str, Any]],
    *,
    run_id: str | None = None,
    seed: int | None = None,
    fs: Files = REAL,
) -> None:
    """Write metrics.json in one step; a later row of an epoch replaces an earlier one.

    Raises:
        RunFolderError: the disk refused; the file before is as it was.
    """
    rows = [{**dict.fromkeys(COLUMNS), **row} for row in one_row_an_epoch(epochs)]
    lines = ",\n  ".join(map(_line, rows))
    known = {"schema": SCHEMA, "run_id": run_id, "seed": for_json(seed), "accuracy_unit": FRACTION}
    head = json.dumps(known)[:-1]
    data = f'{head},\n "epochs": [\n  {lines}\n ]}}\n' if rows else f'{head}, "epochs": []}}\n'
    try:
        replace_file(path, data.encode(), fs)
    except OSError as error:
        raise disk_trouble(error, "write the epochs' metrics", path, needed_bytes=len(data), fs=fs) from error


def _line(row: Mapping[str, Any]) -> str:
    """A row as JSON. All rows are written with each epoch: plain numbers are not looked at one by one."""
    try:
        return json.dumps(row, allow_nan=False)
    except (TypeError, ValueError):  # numpy numbers, NaN
        return json.dumps(for_json(row), allow_nan=False)


def with_evaluations(
    epochs: Iterable[Mapping[str, Any]], evaluations: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return what was measured at validations, ordered by step: those within epochs and those at their ends.

    An evaluation at an epoch's end is that epoch's row. Rows without a step come last, ordered by epoch.
    """
    ends = one_row_an_epoch(epochs)
    by_step = {row["step"]: dict(row) for row in evaluations if row.get("step") is not None}
    by_step |= {row["step"]: row for row in ends if row.get("step") is not None}
    rest = [row for row in ends if row.get("step") is None]
    return [*(by_step[step] for step in sorted(by_step)), *rest]


def write_curve(path: Path, rows: Iterable[Mapping[str, Any]], column: str, fs: Files = REAL) -> None:
    """Write epoch, step and one column as CSV, leaving out the rows without a value.

    Args:
        rows: in the order of the file.

    Raises:
        RunFolderError: the disk refused; the file before is as it was.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("epoch", "step", column))
    for row in rows:
        if row.get(column) is not None:
            writer.writerow([for_json(row.get(key)) for key in ("epoch", "step", column)])
    try:
        replace_file(path, text.getvalue().encode(), fs, durable=False)
    except OSError as error:
        raise disk_trouble(error, "write a curve", path, needed_bytes=len(text.getvalue()), fs=fs) from error


def read_metrics(path: str | Path) -> MetricsFile:
    """Read and check a metrics file. Bare NaN and Infinity tokens are read like their strings.

    Warns:
        UserWarning: the schema is newer or unknown; what is known of it is read.

    Raises:
        UsageError: there is no such file.
        InvalidMetrics: it is truncated, no JSON, has no `epochs`, or holds a value of a wrong type; names
            what and where. An empty `epochs` is no error.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(
            f"There is no metrics file {path}.",
            suggestion="Give a metrics.json, or a run's folder.",
            path=str(path),
        ) from error
    except OSError as error:
        raise _invalid(path, "", f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _invalid(path, "", f"is not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        ends = error.pos >= len(error.doc.rstrip()) - 1 or error.msg.startswith("Unterminated")
        cut = " (the file seems cut off)" if ends else ""
        raise _invalid(path, "", f"is no JSON: {error.msg} at line {error.lineno}{cut}") from error
    except (ValueError, RecursionError) as error:
        raise _invalid(path, "", f"is no JSON that can be read: {str(error)[:100]}") from error
    return parse_metrics(data, path)


def parse_metrics(data: Any, path: str | Path = "metrics.json") -> MetricsFile:
    """Check what was read from a metrics file; errors and warnings as in `read_metrics`."""
    path = Path(path)
    if not isinstance(data, dict):
        raise _invalid(path, "", f"holds {_kind(data)} where an object with `epochs` is expected")
    _check_schema(data.get("schema"), path)
    if "epochs" not in data:
        raise _invalid(path, "epochs", "is missing", keys=sorted(map(str, data))[:20])
    rows = data["epochs"]
    if not isinstance(rows, list):
        raise _invalid(path, "epochs", f"is {_kind(rows)}, expected a list of objects")
    plain = _is_plain(rows)
    if plain:
        epochs = rows if rows[0].keys() >= _EMPTY.keys() else [{**_EMPTY, **row} for row in rows]
    else:
        epochs = one_row_an_epoch([_checked_row(row, index, path) for index, row in enumerate(rows)])
    # where it is said that accuracies are fractions, a value of 93 is no percentage: a metric of the
    # person's own
    percent = () if data.get("accuracy_unit") == FRACTION else _percent_to_fraction(epochs, alike=plain)
    run_id, seed = data.get("run_id"), data.get("seed")
    if run_id is not None and not isinstance(run_id, str):
        raise _invalid(path, "run_id", f"is {_kind(run_id)}, expected a string")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise _invalid(path, "seed", f"is {_kind(seed)}, expected a whole number")
    return MetricsFile(tuple(epochs), run_id, seed, str(data.get("schema", SCHEMA)), percent)


def one_row_an_epoch(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows ordered by epoch; the last row of an epoch stands for it (runs are resumed)."""
    latest: dict[Any, dict[str, Any]] = {}
    for row in rows:
        latest[row.get("epoch")] = dict(row)
    return sorted(latest.values(), key=lambda row: (row.get("epoch") is None, row.get("epoch") or 0))


def _is_plain(rows: list[Any]) -> bool:
    """Return whether rows need no look one by one: all with the same keys, epochs that rise, plain numbers.

    Looked at by columns, which takes a third of the time: histories may have 200,000 rows.
    """
    if set(map(type, rows)) != {dict} or len(set(map(tuple, rows))) != 1 or "epoch" not in rows[0]:
        return False
    for key in rows[0]:
        column = list(map(itemgetter(key), rows))
        kinds = set(map(type, column))
        if key in ("epoch", "step"):
            if kinds != {int} or min(column) < 0:
                return False
            if key == "epoch" and not all(map(lt, column, column[1:])):
                return False
        elif not kinds <= _PLAIN or (int in kinds and not all(map(_is_safe, column))):
            return False
    return True


def _is_safe(value: Any) -> bool:
    return type(value) is not int or abs(value) < _SAFE_INT


def _checked_row(row: Any, index: int, path: Path) -> dict[str, Any]:
    """Return a row that was checked. Plain numbers are passed over."""
    if not isinstance(row, dict):
        raise _invalid(path, f"epochs[{index}]", f"is {_kind(row)}, expected an object")
    checked = {**_EMPTY, **row}
    for key, value in row.items():
        kind = type(value)
        if key == "epoch" or key == "step":
            if kind is not int or value < 0:
                checked[key] = _whole(from_json_number(value), f"epochs[{index}].{key}", path)
        elif value is not None and kind is not float and not (kind is int and abs(value) < _SAFE_INT):
            checked[key] = _checked_value(key, from_json_number(value), f"epochs[{index}].{key}", path)
    if checked["epoch"] is None:
        raise _invalid(path, f"epochs[{index}].epoch", "is missing")
    return checked


def _checked_value(key: str, value: Any, where: str, path: Path) -> Any:
    """Return a value of a known column that is checked; whatever else a row has is kept as it is."""
    if key == "layer_grad_norms":
        if not isinstance(value, (dict, type(None))):
            raise _invalid(path, where, f"is {_kind(value)}, expected an object of numbers")
        names = (value or {}).items()
        return {name: _number(from_json_number(norm), f"{where}.{name}", path) for name, norm in names}
    by_class = isinstance(value, (dict, list)) and key not in COLUMNS  # an accuracy of each class
    if key in COLUMNS or (_ACCURACY.search(key) and not by_class):
        return _number(value, where, path)
    return value


def _number(value: Any, where: str, path: Path) -> float | int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _invalid(path, where, f"is {value!r:.60} ({_kind(value)}), expected a number")
    try:
        float(value)
    except OverflowError as error:
        raise _invalid(path, where, "is too large for a number") from error
    return value


def _whole(value: Any, where: str, path: Path) -> int | None:
    value = _number(value, where, path)
    if value is None:
        return None
    if not math.isfinite(value) or value != int(value) or value < 0:
        raise _invalid(path, where, f"is {value!r}, expected a whole number, 0 or more")
    return int(value)


def _percent_to_fraction(epochs: Sequence[dict[str, Any]], *, alike: bool) -> tuple[str, ...]:
    """Divide accuracy columns written as percent by 100, each column as a whole; return their names.

    Args:
        alike: all rows have the same keys and plain numbers, so the first one tells.
    """
    keys = {key for shape in set(map(tuple, epochs[:1] if alike else epochs)) for key in shape}
    columns = {key for key in keys if isinstance(key, str) and _ACCURACY.search(key)}
    percent: list[str] = []
    for column in sorted(columns):
        values = (row[column] for row in epochs if isinstance(row.get(column), (int, float)))
        if alike:
            values = filter(None, map(itemgetter(column), epochs))
        if any(PERCENT_ABOVE < value < math.inf for value in values):
            percent.append(column)
            for row in epochs:
                if isinstance(row.get(column), (int, float)):
                    row[column] = row[column] / 100
    return tuple(percent)


def _check_schema(schema: Any, path: Path) -> None:
    if schema is None or schema == SCHEMA:
        return
    if not isinstance(schema, str):
        raise _invalid(path, "schema", f"is {_kind(schema)}, expected a string such as {SCHEMA!r}")
    kind, _, version = schema.rpartition("/")
    if kind.startswith("nbtrain.") and kind != "nbtrain.metrics":
        raise _invalid(path, "schema", f"is {schema!r:.60}, expected {SCHEMA!r}")
    newer = kind == "nbtrain.metrics" and version.isdigit() and int(version) > 1
    told = "newer than this nbtrain" if newer else "not one this nbtrain knows"
    warnings.warn(f"{path}: schema {schema!r:.60} is {told} ({SCHEMA}); what is known is read.", stacklevel=3)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _invalid(path: Path, field: str, problem: str, **details: Any) -> InvalidMetrics:
    subject = f"`{field}` in {path}" if field else str(path)
    return InvalidMetrics(
        f"{subject} {problem}.",
        suggestion='Expected is {"epochs": [{"epoch": 1, "train_loss": 2.1, "val_loss": 2.0, ...}, ...]}.',
        path=str(path),
        field=field,
        problem=problem,
        **details,
    )
