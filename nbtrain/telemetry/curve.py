"""LiveCurve: a series of any length in at most `capacity` buckets, sent to a page as appends with an offset.

A bucket at level L covers 2**L appended rows and keeps the last step and, per column, mean, min and
max of the rows that hold a value. When `capacity` buckets are full, neighbours are merged in pairs
and the level goes up by one. The merge works on the float32 values that were sent, in one fixed
order of operations, so a page that repeats it holds the same bits and only new buckets ever travel.
Knows nothing of widgets, or of messages beyond a header and bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

STATISTICS = ("mean", "low", "high")


@dataclass(frozen=True)
class CurveView:
    """A copy of a curve to draw from.

    Attributes:
        steps: (buckets,) the last step of each bucket.
        mean, low, high: column name -> (buckets,) float32, NaN where the bucket holds no value.
        rows: how many rows were appended in all.
        rows_per_bucket: how many rows a full bucket covers.
    """

    steps: np.ndarray
    mean: dict[str, np.ndarray]
    low: dict[str, np.ndarray]
    high: dict[str, np.ndarray]
    rows: int
    rows_per_bucket: int


class LiveCurve:
    """A series in constant space, min/max decimated, append-only.

    Args:
        columns: names of the values of a row, in the order in which they are sent.
        capacity: most buckets kept; even. 512 buckets are about one per pixel of a chart in a notebook.

    `extend` belongs to one thread (the pump); reading is safe from any other.
    """

    def __init__(self, columns: tuple[str, ...], capacity: int = 512) -> None:
        if capacity < 2 or capacity % 2:
            raise ValueError(f"capacity={capacity} must be even and at least 2: full buckets merge in pairs")
        self.columns = tuple(columns)
        self.capacity = capacity
        self._lock = threading.Lock()
        self._level = 0
        self._rows = 0
        self._full = 0
        self._steps = np.zeros(capacity, np.float64)
        self._stats = np.full((len(self.columns), len(STATISTICS), capacity), np.nan, np.float32)
        self._tail = _Tail(len(self.columns))

    @property
    def rows(self) -> int:
        """How many rows were appended since the beginning."""
        return self._rows

    @property
    def level(self) -> int:
        """Log2 of the number of rows that a full bucket covers."""
        return self._level

    def extend(self, steps: Any, values: Mapping[str, Any]) -> None:
        """Append rows.

        Args:
            steps: (rows,) step numbers, rising.
            values: column name -> (rows,) numbers, NaN where absent; a column left out is absent in all rows.

        Raises:
            ValueError: a column that the curve does not have, or lengths that differ.
        """
        steps = np.asarray(steps, np.float64)
        unknown = set(values) - set(self.columns)
        if unknown:
            raise ValueError(f"columns {sorted(unknown)} are not among {self.columns}")
        table = np.full((len(self.columns), len(steps)), np.nan)
        for index, name in enumerate(self.columns):
            if name in values:
                table[index] = values[name]
        with self._lock, np.errstate(over="ignore", invalid="ignore"):
            start = 0
            while start < len(steps):
                start += self._absorb(steps[start:], table[:, start:])

    def _absorb(self, steps: np.ndarray, table: np.ndarray) -> int:
        """Take as many rows as fit before the next merge; return how many."""
        if self._full == self.capacity:
            self._merge()
        width = 1 << self._level
        room = (self.capacity - self._full) * width - self._tail.rows
        taken = min(len(steps), room)
        steps, table = steps[:taken], table[:, :taken]
        head = min(taken, width - self._tail.rows) if self._tail.rows else 0
        if head:
            self._tail.add(steps[:head], table[:, :head])
            if self._tail.rows == width:
                self._store(self._tail.last_step, self._tail.statistics()[:, :, None])
                self._tail = _Tail(len(self.columns))
        whole = (taken - head) // width
        if whole:
            until = head + whole * width
            blocks = table[:, head:until].reshape(len(self.columns), whole, width)
            self._store(steps[head:until][width - 1 :: width], _reduce(blocks))
            head = until
        if head < taken:
            self._tail.add(steps[head:], table[:, head:])
        self._rows += taken
        return taken

    def _store(self, steps: Any, stats: np.ndarray) -> None:
        count = stats.shape[2]
        self._steps[self._full : self._full + count] = steps
        self._stats[:, :, self._full : self._full + count] = stats
        self._full += count

    def _merge(self) -> None:
        """Merge full buckets in pairs. js/src/store.js repeats exactly these operations."""
        half = self.capacity // 2
        left, right = self._stats[:, :, 0::2], self._stats[:, :, 1::2]
        merged = np.full_like(self._stats, np.nan)
        merged[:, 0, :half] = _middle(left[:, 0], right[:, 0])
        merged[:, 1, :half] = np.fmin(left[:, 1], right[:, 1])
        merged[:, 2, :half] = np.fmax(left[:, 2], right[:, 2])
        self._steps[:half] = self._steps[1::2].copy()
        self._stats = merged
        self._full = half
        self._level += 1

    def blocks_since(self, level: int, offset: int, max_bytes: int = 8000) -> tuple[dict[str, Any], bytes]:
        """Return what a client lacks that has `offset` full buckets at `level`, at most `max_bytes` of it.

        The bytes hold `count` buckets from bucket `header["offset"]` on: float64 last steps, then
        for each column float32 means, lows and highs, all little-endian. The bucket that is still
        filling comes last and is sent again with the next block. From (0, 0) on, repeated calls
        give a snapshot of the whole.

        Returns:
            the header `{"level", "offset", "count", "rows", "columns"}`, `rows` counted since the
            beginning, and the bytes.
        """
        with self._lock:
            behind = self._level - level
            start = offset >> behind if behind >= 0 else 0
            if start > self._full:
                start = 0
            stop = self._full + (1 if self._tail.rows else 0)
            per_bucket = 8 + 4 * len(STATISTICS) * len(self.columns)
            count = min(stop - start, max(1, max_bytes // per_bucket))
            header = {
                "level": self._level,
                "offset": start,
                "count": count,
                "rows": self._rows,
                "columns": list(self.columns),
            }
            steps, stats = self._slice(start, start + count)
        return header, steps.astype("<f8").tobytes() + stats.astype("<f4").tobytes()

    def view(self) -> CurveView:
        """Return a copy of all buckets, the one still filling included."""
        with self._lock:
            steps, stats = self._slice(0, self._full + (1 if self._tail.rows else 0))
            rows, level = self._rows, self._level
        mean, low, high = (
            {name: stats[index, position] for index, name in enumerate(self.columns)}
            for position in range(len(STATISTICS))
        )
        return CurveView(steps, mean, low, high, rows=rows, rows_per_bucket=1 << level)

    def _slice(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Copies of buckets start..stop: steps (buckets,), statistics (columns, 3, buckets)."""
        full = min(stop, self._full)
        steps, stats = self._steps[start:full], self._stats[:, :, start:full]
        if stop > self._full:
            with np.errstate(over="ignore", invalid="ignore"):
                tail = self._tail.statistics()[:, :, None]
            return np.append(steps, self._tail.last_step), np.concatenate([stats, tail], axis=2)
        return steps.copy(), stats.copy()


class _Tail:
    """The bucket that is still filling, summed in float64."""

    def __init__(self, columns: int) -> None:
        self.rows = 0
        self.last_step = 0.0
        self._sum = np.zeros(columns)
        self._count = np.zeros(columns)
        self._low = np.full(columns, np.nan)
        self._high = np.full(columns, np.nan)

    def add(self, steps: np.ndarray, table: np.ndarray) -> None:
        absent = np.isnan(table)
        self.rows += len(steps)
        self.last_step = float(steps[-1])
        self._sum += np.where(absent, 0.0, table).sum(axis=1)
        self._count += (~absent).sum(axis=1)
        self._low = np.fmin(self._low, np.fmin.reduce(table, axis=1))
        self._high = np.fmax(self._high, np.fmax.reduce(table, axis=1))

    def statistics(self) -> np.ndarray:
        """(columns, 3) float32: mean, low, high."""
        mean = np.divide(self._sum, self._count, out=np.full_like(self._sum, np.nan), where=self._count > 0)
        return np.stack([mean, self._low, self._high], axis=1).astype(np.float32)


def _reduce(blocks: np.ndarray) -> np.ndarray:
    """(columns, buckets, rows per bucket) -> (columns, 3, buckets) float32."""
    absent = np.isnan(blocks)
    count = (~absent).sum(axis=2)
    total = np.where(absent, 0.0, blocks).sum(axis=2)
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    low, high = np.fmin.reduce(blocks, axis=2), np.fmax.reduce(blocks, axis=2)
    return np.stack([mean, low, high], axis=1).astype(np.float32)


def _middle(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Plain mean of the halves that hold a value: added in float64, rounded once to float32."""
    middle = ((left.astype(np.float64) + right.astype(np.float64)) / 2).astype(np.float32)
    return np.where(np.isnan(left), right, np.where(np.isnan(right), left, middle))
