"""How the peak grows with the batch: a line for each phase, through two traces.

Activations and what backward needs grow with the samples, everything else stays: a line fits exactly
(128 samples told from 16 and 32 came out to the byte). Accumulating over micro-batches keeps gradients alive
in forward, by an amount that one more trace shows.
"""

from __future__ import annotations

from dataclasses import replace

from nbtrain.memory.setup import Asked
from nbtrain.memory.steps import Traced
from nbtrain.memory.tracing import find_peak


class Growth:
    """Peaks of a set-up with other micro-batches. Takes two or three traces, when first asked.

    Args:
        asked, found: the set-up and its trace. samples: in its micro-batch, at least 1.
    """

    def __init__(self, asked: Asked, found: Traced, samples: int) -> None:
        self._asked, self._samples = asked, samples
        self._here = _phases(found)
        self._other = samples // 2 if samples > 1 else 2
        self._there = _phases(find_peak(asked, self._other)[0])
        self._toggled: dict[str, int] | None = None

    def peak(self, samples: int, accumulate: int | None = None) -> int:
        """Return the peak in bytes with so many samples in a micro-batch and so many micro-batches a step."""
        share = (samples - self._other) / (self._samples - self._other)
        more = self._more_when_toggled() if self._toggles(accumulate) else {}
        return round(
            max(
                at_other + share * (self._here.get(phase, at_other) - at_other) + more.get(phase, 0)
                for phase, at_other in self._there.items()
            )
        )

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

    def _toggles(self, accumulate: int | None) -> bool:
        return accumulate is not None and (accumulate > 1) is not (self._asked.accumulate > 1)

    def _more_when_toggled(self) -> dict[str, int]:
        if self._toggled is None:
            other = replace(self._asked, accumulate=1 if self._asked.accumulate > 1 else 2)
            toggled = _phases(find_peak(other, self._other)[0])
            self._toggled = {phase: value - self._there[phase] for phase, value in toggled.items()}
        return self._toggled


def _phases(found: Traced) -> dict[str, int]:
    return {phase: found.of(phase) for phase in found.phases}
