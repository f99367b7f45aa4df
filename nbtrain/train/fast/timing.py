"""Which of two ways to take a step is faster, by more than the noise of the machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

ROUNDS = 8  # of each way, in turns, so that a machine that slows down slows both
BLOCK_S = 0.01  # steps are timed in blocks about this long, at least one step each
MOST_IN_BLOCK = 20
MARGIN = 0.05  # of a step: less is not worth other numbers, and two processes differ by as much
SURE = 3.0  # standard errors: a candidate that is no faster is kept in one of 700 trials
_FROM_MAD, _OF_MEDIAN = 1.4826, 1.2533  # of a normal distribution: deviation by MAD; error of a median by it


@dataclass(frozen=True)
class Comparison:
    """Seconds of a step, in blocks: `before` and `after`, taken in turns."""

    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def before_s(self) -> float:
        """The median without."""
        return float(np.median(self.before))

    @property
    def after_s(self) -> float:
        """The median with."""
        return float(np.median(self.after))

    @property
    def needed_s(self) -> float:
        """Return how much faster it has to be: MARGIN of a step, and SURE standard errors of the medians.

        Medians, in turns, with the error of their difference: Hoefler and Belli, "Scientific benchmarking of
        parallel computing systems" (SC 2015), rules 5 to 8.
        """
        noise = float(np.hypot(_error(self.before), _error(self.after)))
        return max(MARGIN * self.before_s, SURE * noise)

    @property
    def is_faster(self) -> bool:
        """True when what was gained is beyond the margin."""
        return self.before_s - self.after_s > self.needed_s


def _error(times: Sequence[float]) -> float:
    values = np.asarray(times)
    mad = float(np.median(np.abs(values - np.median(values))))
    return _OF_MEDIAN * _FROM_MAD * mad / len(values) ** 0.5


def in_block(step_s: float) -> int:
    """Return how many steps are timed at once."""
    return int(min(max(1, round(BLOCK_S / max(step_s, 1e-9))), MOST_IN_BLOCK))


def cost_of(step_s: float) -> float:
    """Return how long a comparison takes, by the time of a step: each block has one step more, to warm up."""
    return 2 * ROUNDS * (in_block(step_s) + 1) * step_s


def compare(before: Callable[[int], float], after: Callable[[int], float], step_s: float) -> Comparison:
    """Time two ways in turns.

    Args:
        before, after: takes a number of steps, after one to warm up, and returns their seconds.
        step_s: about what a step takes.
    """
    count = in_block(step_s)
    times: dict[bool, list[float]] = {False: [], True: []}
    for number in range(ROUNDS):
        for which in (False, True) if number % 2 else (True, False):
            times[which].append((after if which else before)(count) / count)
    return Comparison(tuple(times[False]), tuple(times[True]))
