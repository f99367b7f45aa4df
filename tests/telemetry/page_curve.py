"""What a page does with the blocks of a curve, for tests of the curve and of the panel."""

from __future__ import annotations

import numpy as np


class PageCurve:
    """What a page does, written apart from the kernel's code: applies blocks and merges by itself."""

    def __init__(self, columns: int) -> None:
        self.level = 0
        self.full = 0
        self.rows = 0
        self.steps: list[float] = []
        self.stats: list[np.ndarray] = []
        self.columns = columns

    def apply(self, header: dict, data: bytes) -> bool:
        """Return False when buckets are missing before this block."""
        while self.level < header["level"]:
            self._merge()
        start, count = header["offset"], header["count"]
        if start > self.full:
            return False
        steps = np.frombuffer(data, "<f8", count)
        stats = np.frombuffer(data, "<f4", offset=8 * count).reshape(self.columns, 3, count)
        del self.steps[start:], self.stats[start:]
        self.steps += list(steps)
        self.stats += [stats[:, :, i] for i in range(count)]
        self.rows = header["rows"]
        self.full = min(start + count, header["rows"] >> header["level"])
        return True

    def _merge(self) -> None:
        pairs = range(0, self.full - 1, 2)
        stats = []
        for i in pairs:
            left, right = self.stats[i], self.stats[i + 1]
            both = np.stack([left, right])
            with np.errstate(invalid="ignore", over="ignore"):
                mean = ((left[:, 0].astype(float) + right[:, 0].astype(float)) / 2).astype("f4")
            mean = np.where(np.isnan(right[:, 0]), left[:, 0], mean)
            mean = np.where(np.isnan(left[:, 0]), right[:, 0], mean)
            stats.append(np.stack([mean, np.fmin(*both[:, :, 1]), np.fmax(*both[:, :, 2])], axis=1))
        self.steps = [self.steps[i + 1] for i in pairs]
        self.stats = stats
        self.full //= 2
        self.level += 1
