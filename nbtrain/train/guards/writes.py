"""Weights that a cell writes while they train: told by the version counters that torch keeps for autograd.

Each step of the training itself writes a parameter as often as the step before. What is written beyond that
was somebody else. Writes through `.data` count nowhere and are not seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


class Writes:
    """How often parameters were written.

    Args:
        parameters: those to look at.
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self._parameters = [p for p in parameters if not p.is_inference()]
        self._usual: list[int] | None = None  # writes a step, per parameter; -1 where steps differ
        self._learning: list[int] | None = None
        self._versions, self._step = self._now(), 0

    def begin(self, step: int) -> None:
        """Begin to count at this step."""
        self._versions, self._step = self._now(), step

    def look(self, step: int) -> list[Tensor]:
        """Return the parameters that were written more often than the steps since the last look explain."""
        steps, before, now = step - self._step, self._versions, self._now()
        if steps <= 0:
            return []
        self._versions, self._step = now, step
        written = [later - earlier for earlier, later in zip(before, now, strict=True)]
        if self._usual is None:
            self._learn(written, steps)
            return []
        # fewer writes are steps that were left out: gradients that were not finite
        return [
            parameter
            for parameter, times, usual in zip(self._parameters, written, self._usual, strict=True)
            if 0 <= usual * steps < times
        ]

    def _learn(self, written: list[int], steps: int) -> None:
        """Learn from two looks in a row that agree."""
        rates = [times // steps if times % steps == 0 else -1 for times in written]
        if self._learning is not None:
            agreed = [
                one if one == other else -1 for one, other in zip(rates, self._learning, strict=True)
            ]
            if any(rate >= 0 for rate in agreed):
                self._usual = agreed
        self._learning = rates

    def _now(self) -> list[int]:
        return [p._version for p in self._parameters]
