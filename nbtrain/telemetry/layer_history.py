"""Gradient norms and update ratios of the layers over a whole run, in constant space, sent as appends.

A row is a module that holds parameters itself; of a model with very many, modules of one place share a row. A
column covers 2**L samples; when all columns are full, neighbours merge in pairs and L goes up by one. Values
are kept as logarithms in 16 bits, which a page merges exactly as it is done here.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from nbtrain.telemetry.layers import LayerSample

MOST_ROWS = 512  # as many as a screen shows
LEAST_ROWS = 32  # fewer are no picture of a model with more modules than MOST_ROWS
COLUMNS, COLUMNS_OF_MANY, MANY = 128, 64, 128  # a whole picture of 512 rows is 131 KB, one of 20 rows 11 KB
LOWEST, HIGHEST = -20.0, 20.0  # powers of ten; a step between codes is 0.14 % of the value
ABSENT, ZERO, FIRST, INFINITE = 0, 1, 2, 65535
MEASURES = ("gradient norm", "update ratio")


def encoded(values: np.ndarray) -> np.ndarray:
    """Return values, 0 or more, as 16-bit logarithms; NaN is absent."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (np.log10(values) - LOWEST) / (HIGHEST - LOWEST)
    codes = FIRST + np.round(np.clip(share, 0, 1) * (INFINITE - 1 - FIRST))
    codes = np.where(np.isnan(values), ABSENT, np.where(values == 0, ZERO, codes))
    return np.where(np.isinf(values), INFINITE, codes).astype(np.uint16)


def decoded(codes: np.ndarray) -> np.ndarray:
    """Return the values of codes."""
    share = (codes.astype(float) - FIRST) / (INFINITE - 1 - FIRST)
    values = 10 ** (LOWEST + share * (HIGHEST - LOWEST))
    values = np.where(codes == ABSENT, np.nan, np.where(codes == ZERO, 0.0, values))
    return np.where(codes == INFINITE, np.inf, values)


def merged(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Merge codes: the middle of two logarithms; infinite wins, absent and zero give way.

    js/src/heat_store.js repeats exactly these operations.
    """
    low, high = np.minimum(left, right).astype(np.int32), np.maximum(left, right).astype(np.int32)
    middle = np.where(low < FIRST, high, (low + high) >> 1)
    return np.where(high == INFINITE, INFINITE, middle).astype(np.uint16)


class LayerHistory:
    """The samples of a run. `add` belongs to one thread, the pump; reading is safe from any other."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._owners = np.zeros(0, int)
        self._lock = threading.Lock()
        self._level = self._full = self.samples = 0
        self._steps = np.zeros(0)
        self._codes = np.zeros((0, 2, 0), np.uint16)
        self._tail = _Tail(0)
        self._last_step = 0.0

    @property
    def level(self) -> int:
        """Log2 of the number of samples that a full column covers."""
        return self._level

    @property
    def capacity(self) -> int:
        """Most columns."""
        return len(self._steps)

    def add(self, sample: LayerSample) -> None:
        """Take a sample in."""
        if not sample.grad_norms:
            return
        with self._lock:
            if not self.names:
                self._open(tuple(sample.grad_norms))
            self._tail.add(self._column(sample))
            self._last_step = float(sample.step)
            self.samples += 1
            if self._tail.samples == 1 << self._level:
                if self._full == self.capacity:
                    self._merge()
                else:
                    self._store()

    def _open(self, parameters: tuple[str, ...]) -> None:
        self.names, self._owners = rows_of(parameters)
        columns = COLUMNS if len(self.names) <= MANY else COLUMNS_OF_MANY
        self._steps = np.zeros(columns)
        self._codes = np.zeros((columns, len(MEASURES), len(self.names)), np.uint16)
        self._tail = _Tail(len(self.names))

    def _column(self, sample: LayerSample) -> np.ndarray:
        """(2, rows): the norm over a row's parameters, and their largest update ratio; NaN where none is."""
        norms = np.fromiter(sample.grad_norms.values(), float, len(self._owners))
        ratios = np.fromiter(sample.update_ratios.values(), float, len(self._owners))
        column = np.full((2, len(self.names)), np.nan)
        squares, seen = np.zeros(len(self.names)), np.zeros(len(self.names), bool)
        known = ~np.isnan(norms)
        with np.errstate(over="ignore"):
            np.add.at(squares, self._owners[known], norms[known] ** 2)
        seen[self._owners[known]] = True
        column[0, seen] = np.sqrt(squares[seen])
        np.fmax.at(column[1], self._owners, ratios)
        return column

    def _store(self) -> None:
        self._steps[self._full] = self._last_step
        self._codes[self._full] = self._tail.codes()
        self._full += 1
        self._tail = _Tail(len(self.names))

    def _merge(self) -> None:
        """Merge full columns in pairs; what is pending then fills half a column."""
        half = self.capacity // 2
        self._codes[:half] = merged(self._codes[0::2], self._codes[1::2])
        self._steps[:half] = self._steps[1::2].copy()
        self._full = half
        self._level += 1

    def blocks_since(self, level: int, offset: int, max_bytes: int) -> tuple[dict[str, Any], bytes]:
        """Return what a page lacks that has `offset` full columns at `level`, at most `max_bytes` of it.

        The bytes hold `count` columns from column `header["offset"]` on, each a float64 step and its codes:
        first all gradient norms, then all update ratios, uint16; little-endian. The column that is
        still filling comes last and is sent again with the next block.
        """
        with self._lock:
            behind = self._level - level
            start = offset >> behind if behind >= 0 else 0
            start = 0 if start > self._full else start
            stop = self._full + (1 if self._tail.samples else 0)
            per_column = 8 + 2 * len(MEASURES) * len(self.names)
            count = min(stop - start, max(1, max_bytes // per_column))
            header = {
                "level": self._level, "offset": start, "count": count, "samples": self.samples,
                "rows": len(self.names), "capacity": self.capacity,
            }  # fmt: skip
            parts = []
            for column in range(start, start + count):
                step, codes = self._last_step, None
                if column < self._full:
                    step, codes = self._steps[column], self._codes[column]
                codes = self._tail.codes() if codes is None else codes
                parts.append(np.float64(step).astype("<f8").tobytes() + codes.astype("<u2").tobytes())
        return header, b"".join(parts)


class _Tail:
    """The column that is still filling: sums of logarithms, so that each of its samples weighs the same."""

    def __init__(self, rows: int) -> None:
        self.samples = 0
        self._sum, self._count = np.zeros((len(MEASURES), rows)), np.zeros((len(MEASURES), rows), int)
        self._highest = np.full((len(MEASURES), rows), np.nan)  # where no value is positive: 0 or absent

    def add(self, column: np.ndarray) -> None:
        self.samples += 1
        self._highest = np.fmax(self._highest, column)
        positive = (column > 0) & np.isfinite(column)
        self._sum[positive] += np.log10(column[positive])
        self._count[positive] += 1

    def codes(self) -> np.ndarray:
        middle = 10 ** (self._sum / np.maximum(self._count, 1))
        single = (self._count == 0) | np.isinf(self._highest)
        return encoded(np.where(single, self._highest, middle))


def rows_of(parameters: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the rows for parameters, in the model's order, and the row of each parameter.

    A row is the module a parameter belongs to; beyond `MOST_ROWS` modules the deepest levels are put
    together, and where that does not help, neighbours.
    """
    owners = [name.rpartition(".")[0] or name for name in parameters]
    cut, names = owners, list(dict.fromkeys(owners))
    for depth in range(max(owner.count(".") for owner in owners), 0, -1):
        if len(names) <= MOST_ROWS:
            break
        shorter = [".".join(owner.split(".")[:depth]) for owner in owners]
        places = list(dict.fromkeys(shorter))
        if len(places) < LEAST_ROWS:  # one list holds them all: nothing would be told apart
            break
        cut, names = shorter, places
    place = {name: row for row, name in enumerate(names)}
    rows = np.array([place[name] for name in cut])
    if len(names) > MOST_ROWS:
        size = -(-len(names) // MOST_ROWS)
        rows = rows // size
        groups = [names[at : at + size] for at in range(0, len(names), size)]
        names = [group[0] if len(group) == 1 else f"{group[0]} … {group[-1]}" for group in groups]
    return tuple(names), rows
