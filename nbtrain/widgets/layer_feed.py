"""Gradient norms and update ratios of the layers, as rows of the module tree. Knows nothing of widgets."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

ROWS_SENT = 500  # 12 bytes each: a message of 6 KB; a larger model takes turns


class LayerFeed:
    """Turns `run.layers` into messages, at most `ROWS_SENT` rows each, round after round."""

    def __init__(self) -> None:
        self._row_of: Mapping[str, int] = {}
        self._found: dict[str, int | None] = {}
        self._turn = 0
        self._last: Mapping[str, tuple[float, float]] = {}

    def next(
        self, layers: Mapping[str, tuple[float, float]], row_of: Mapping[str, int]
    ) -> list[bytes] | None:
        """Return rows (uint32), gradient norms and update ratios (float32); None if there is nothing new.

        Args:
            layers: parameter or module path -> (gradient norm, update ratio).
            row_of: module path -> row of the tree.
        """
        if row_of is not self._row_of:
            self._row_of, self._found, self._last = row_of, {}, {}
        if not layers or not row_of or (len(layers) <= ROWS_SENT and layers == self._last):
            return None
        self._last = layers
        rows = self._by_row(layers)
        if not rows:
            return None
        numbers = sorted(rows)
        start = self._turn % len(numbers) if len(numbers) > ROWS_SENT else 0
        chosen = numbers[start : start + ROWS_SENT]
        self._turn = start + ROWS_SENT
        return [
            np.array(chosen, "<u4").tobytes(),
            np.array([math.sqrt(rows[row][0]) for row in chosen], "<f4").tobytes(),
            np.array([rows[row][1] for row in chosen], "<f4").tobytes(),
        ]

    def _by_row(self, layers: Mapping[str, tuple[float, float]]) -> dict[int, list[float]]:
        """Row -> [sum of squared gradient norms, largest update ratio] over its own parameters."""
        rows: dict[int, list[float]] = {}
        for path, (norm, ratio) in layers.items():
            row = self._row(path)
            if row is None:
                continue
            known = rows.setdefault(row, [0.0, -math.inf])
            known[0] += norm * norm
            known[1] = ratio if math.isnan(ratio) else max(known[1], ratio)
        return rows

    def _row(self, path: str) -> int | None:
        if path not in self._found:
            owner = path
            while owner and owner not in self._row_of:
                owner = owner.rpartition(".")[0]
            self._found[path] = self._row_of.get(owner)
        return self._found[path]
