"""A journal: one JSON object a line, append only (logs/metrics.jsonl, logs/alerts.jsonl).

Owns cheap appending, and reading in spite of a torn last line. Knows nothing of what the rows mean but
"step" and the kind of a row.

Cost: about 3 us a row of five numbers, 1 us in a `Table`, one write call a block; nothing is fsynced, so a
power failure may take the last seconds of rows, a crash of the process takes none.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from nbtrain.errors import InvalidMetrics
from nbtrain.runs.files import disk_trouble
from nbtrain.runs.plain import for_json, from_json_number, number_name
from nbtrain.runs.table import Table

EVALUATION = "evaluation"  # the "kind" of such a row; a step's row has none
LOGGED = "logged"  # the "kind" of what a person's code logged at a step
TAIL_BYTES = 65_536
_BEHIND = {LOGGED: 0.25, EVALUATION: 0.5}  # where it stands behind its step
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


class Journal:
    """A journal open for appending. One writer at a time: the run's owner, from one thread."""

    def __init__(self, path: Path) -> None:
        """Open the journal, made if absent; a line torn by a crash is cut off first.

        Raises:
            RunFolderError: the disk refused.
        """
        self.path = path
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            self._end = _whole_lines(self._handle)
            os.ftruncate(self._handle, self._end)
        except OSError as error:
            raise disk_trouble(error, "open the journal", path) from error

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows, all or none.

        Raises:
            RunFolderError: the disk refused; the journal ends with the row before.
        """
        if not rows:
            return
        data = rows.json_lines() if isinstance(rows, Table) else _encoded(rows)
        try:
            os.lseek(self._handle, self._end, os.SEEK_SET)
            view = memoryview(data)
            while view:
                view = view[os.write(self._handle, view) :]
        except OSError as error:
            self._cut()
            raise disk_trouble(error, "append to the journal", self.path, needed_bytes=len(data)) from error
        self._end += len(data)

    def flush(self) -> None:
        """Return once the rows are on the disk. A disk that refuses is told by the next append."""
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise disk_trouble(error, "write the journal", self.path) from error

    def close(self) -> None:
        """Close the file; twice does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _cut(self) -> None:
        """Take back a block of which a part was written; cutting needs no space."""
        try:
            os.ftruncate(self._handle, self._end)
        except OSError as error:
            warnings.warn(f"{self.path} ends with a torn line: {error}.", stacklevel=2)


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a journal; no rows where there is no file. A torn last line is left out.

    The strings "NaN", "Infinity", "-Infinity" come back as floats.

    Warns:
        UserWarning: lines in the middle are no JSON objects (a disk's damage); says how many were left out.

    Raises:
        InvalidMetrics: the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidMetrics(f"{path} cannot be read: {error.strerror or error}.", path=str(path)) from error
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    try:
        rows = json.loads(b"[" + b",".join(lines) + b"]")  # one call: four times as fast as a call a line
        if len(rows) != len(lines) or not all(type(row) is dict for row in rows):
            raise ValueError
    except (ValueError, RecursionError):
        rows = [row for line in lines if (row := _row(line)) is not None]
        if lost := len(lines) - len(rows):
            warnings.warn(
                f"{path}: {lost} of {len(lines)} lines are damaged and were left out.", stacklevel=2
            )
    if b'"NaN"' in data or b'Infinity"' in data:
        rows = [{key: from_json_number(value) for key, value in row.items()} for row in rows]
    return rows


def read_last_row(path: Path, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
    """Return the last whole row that is `wanted` among the last ones (64 KiB), None where there is none.

    However long the journal is, only its end is read.
    """
    try:
        with path.open("rb") as file:
            start = max(file.seek(0, os.SEEK_END) - TAIL_BYTES, 0)
            file.seek(start)
            data = file.read()
    except OSError:
        return None
    lines = data[: data.rfind(b"\n") + 1].splitlines()[1 if start else 0 :]
    rows = (_row(line) for line in reversed(lines))
    return next((row for row in rows if row is not None and wanted(row)), None)


def without_replayed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the rows that a later part of the journal did again: a resumed run goes back to its
    checkpoint.

    A row stays if every row after it has a higher "step"; an evaluation comes after the step it judges. Rows
    without a step stay.
    """
    if not rows:
        return rows
    steps = np.array([_step(row) for row in rows])
    if not np.isfinite(steps).all():
        with_step = without_replayed([row for row in rows if np.isfinite(_step(row))])
        keep = set(map(id, with_step))
        return [row for row in rows if id(row) in keep or not np.isfinite(_step(row))]
    if np.all(steps[1:] > steps[:-1]):
        return rows
    lowest_after = np.append(np.minimum.accumulate(steps[::-1])[::-1][1:], np.inf)
    return [rows[index] for index in np.flatnonzero(steps < lowest_after)]


def _encoded(rows: Sequence[Mapping[str, Any]]) -> bytes:
    try:
        return _lines(rows)
    except ValueError:  # NaN or an infinity, as in the columns that a run does not measure
        try:
            return _lines([_with_names(row) for row in rows])
        except ValueError:
            pass  # they lie deeper
    except TypeError:
        pass  # numpy numbers and the like: five times the time, seldom
    return ("\n".join(_ENCODER.encode(for_json(row)) for row in rows) + "\n").encode()


def _lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """One call of the encoder for all rows takes a third less time than one a row."""
    text = _ENCODER.encode(list(rows))
    if text.count("},{") == len(rows) - 1:  # each is a border between rows, none lies within one
        return text[1:-1].replace("},{", "}\n{").encode() + b"\n"
    return ("\n".join(map(_ENCODER.encode, rows)) + "\n").encode()


def _with_names(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: number_name(value) if type(value) is float and not isfinite(value) else value
        for key, value in row.items()
    }


def _step(row: Mapping[str, Any]) -> float:
    step = row.get("step")
    if not isinstance(step, (int, float)) or not abs(step) < 2**52:
        return np.nan
    return float(step) + _BEHIND.get(row.get("kind"), 0.0)


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _whole_lines(handle: int) -> int:
    """Return where the last whole line ends; reads back from the end in blocks."""
    end = os.lseek(handle, 0, os.SEEK_END)
    while end > 0:
        start = max(end - 65536, 0)
        os.lseek(handle, start, os.SEEK_SET)
        found = os.read(handle, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
