"""How the peak grows with the batch: each allocation along a line through two traces.

What is alive when stays the same, sizes alone change, so the peak of any batch follows from the sizes at two.
Where that is not so, since the model does something else for another batch, shares of one trace stand in.
Accumulating over micro-batches keeps gradients alive in forward: a line of its own, through two more traces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nbtrain.memory.setup import Asked
from nbtrain.memory.steps import GRADIENTS, OPTIMIZER, PARAMETERS, PHASES, Traced
from nbtrain.memory.storages import Storage, same_way
from nbtrain.memory.tracing import CannotEstimate, find_peak

_FIXED = (PARAMETERS, GRADIENTS, OPTIMIZER)


class Growth:
    """Peaks of a set-up with other micro-batches. Takes traces when it is asked.

    Args:
        asked, found: the set-up and its trace. samples: in its micro-batch, at least 1.
    """

    def __init__(self, asked: Asked, found: Traced, samples: int) -> None:
        self._asked, self._samples = asked, samples
        self._other = samples // 2 if samples > 1 else 2
        self._lines = {asked.accumulate > 1: self._between(asked, found)}

    def peak(self, samples: int, accumulate: int | None = None) -> int:
        """Return the peak in bytes with so many samples in a micro-batch and so many micro-batches a step."""
        several = (self._asked.accumulate if accumulate is None else accumulate) > 1
        if several not in self._lines:
            other = replace(self._asked, accumulate=2 if several else 1)
            try:
                self._lines[several] = self._between(other, find_peak(other, self._samples)[0])
            except CannotEstimate:  # no time left to try it: the line that there is
                self._lines[several] = self._lines[not several]
        return self._lines[several].peak(samples)

    def largest(self, room: float) -> int:
        """Return the most samples whose peak is within `room` bytes; 0 where a single one is not."""
        if self.peak(1) > room:
            return 0
        low, high = 1, 2
        while self.peak(high) <= room and high < 1 << 40:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.peak(middle) <= room else (low, middle)
        return low

    def _between(self, asked: Asked, found: Traced) -> _Lines | _Shares:
        try:
            there = find_peak(asked, self._other)[0]
        except CannotEstimate:
            return _Shares(found, self._samples)
        if not same_way(there.storages, found.storages):  # the model does something else for another batch
            return _Shares(found, self._samples)
        return _Lines(there.storages, found.storages, self._other, self._samples)


class _Shares:
    """From one trace alone: weights, gradients and optimizer stay, all else grows with the samples."""

    def __init__(self, found: Traced, samples: int) -> None:
        self._phases = [
            (sum(kinds[kind] for kind in _FIXED), sum(kinds.values()) - sum(kinds[kind] for kind in _FIXED))
            for kinds in found.phases.values()
        ]
        self._samples = samples

    def peak(self, samples: int) -> int:
        return round(max(fixed + grows * samples / self._samples for fixed, grows in self._phases))


class _Lines:
    """Sizes of all allocations as lines over the samples, and their lives."""

    def __init__(self, few: Sequence[Storage], more: Sequence[Storage], at_few: int, at_more: int) -> None:
        sizes, larger = (np.array([one.size for one in run], float) for run in (few, more))
        self._slope = (larger - sizes) / (at_more - at_few)
        self._start = sizes - self._slope * at_few
        times = [(one.born, at, 1) for at, one in enumerate(more)]
        times += [(one.died, at, -1) for at, one in enumerate(more) if one.died is not None]
        _, self._order, self._signs = (np.array(column) for column in zip(*sorted(times), strict=True))
        counted = np.array([one.phase in PHASES for one in more])
        self._counted = counted[self._order] & (self._signs > 0)

    def peak(self, samples: int) -> int:
        sizes = self._start + self._slope * samples
        alive = np.cumsum(sizes[self._order] * self._signs)
        return round(float(alive[self._counted].max()))
