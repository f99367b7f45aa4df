"""What watching a training costs it, measured while it goes on.

Counted are three things, as shares of the time spent in training steps:

- what the training thread does for the record: one call in `STRIDE` is timed, the others are taken to cost
  the same; the stride is no divisor of the length of a pack, so that packing is met as often as it happens;
- gradient norms and layer samples (`nbtrain.telemetry.layers`): timed at each sample, on a GPU between
  events of its stream; the norms count for every step that takes them, not where clipping needs them anyway;
- the CPU time of the pump's thread, views and files included. Where a core is free the training does not feel
  it, so the sum is an upper bound.

Checkpoints and validation are asked for, and are no watching.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

STRIDE = 13
LEAST_TIMED = 64  # calls, before a mean is told
LEAST_TRAINED_S = 3.0


class Meter:
    """Times some of the calls of a function."""

    def __init__(self) -> None:
        self._calls = self._timed = 0
        self._seconds = 0.0

    def timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return `call`, every `STRIDE`-th time with a clock beside it."""
        clock = time.perf_counter

        def counted(*args: Any, **keywords: Any) -> Any:
            self._calls += 1
            if self._calls % STRIDE:
                return call(*args, **keywords)
            began = clock()
            result = call(*args, **keywords)
            self._seconds += clock() - began
            self._timed += 1
            return result

        return counted

    @property
    def seconds(self) -> float | None:
        """What all calls took, judged by those that were timed; None while they are too few."""
        timed = self._timed
        return self._seconds / timed * self._calls if timed >= LEAST_TIMED else None


def share_of_training(watching_s: float | None, trained_s: float) -> float | None:
    """Return the share of the training time that watching takes; None while it is not known.

    Called in the pump's thread, whose CPU time is added.

    Args:
        watching_s: seconds that the training thread spent watching, None while they are not known.
        trained_s: seconds spent in training steps.
    """
    if watching_s is None or trained_s < LEAST_TRAINED_S:
        return None
    return (watching_s + time.thread_time()) / trained_s
