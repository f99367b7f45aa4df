"""Calls timed in blocks that take turns, so that a machine that slows down slows every side alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nbtrain.exported.feed import Feed
from nbtrain.exported.runners.runner import Runner

CALLS = 200  # of each side at each batch size
MOST_SECONDS = 10.0  # of each side at each batch size, where calls are slow
LEAST_CALLS = 20
WARM_CALLS, WARM_SECONDS = 10, 0.5  # at least so many, or so long where a call is slow: kernels are chosen,
LEAST_WARM = 3  # TorchScript specialises in its first two calls
BLOCKS = 10  # turns of each side
# Threads of onnxruntime and of OpenMP spin for some ms after their call, and would take the cores from the
# side that is next: when calls alternated one by one, a small conv net in PyTorch took many times as long.
REST_S, UNTIMED = 0.02, 2  # before each block


@dataclass(frozen=True)
class Timed:
    """Calls of one side at one batch size. `seconds`: each call's time, in their order."""

    batch_size: int
    seconds: np.ndarray

    def percentile_ms(self, share: float) -> float:
        """Return the latency in ms that `share` percent of the calls do not exceed."""
        return float(np.percentile(self.seconds, share) * 1e3)

    @property
    def samples_per_s(self) -> float:
        """Samples a second, one call after the other."""
        total = float(self.seconds.sum())
        return self.batch_size * len(self.seconds) / total if total else float("nan")


def time_sides(
    sides: Mapping[str, Runner], feeds: Sequence[Feed], *, calls: int = CALLS,
    most_seconds: float = MOST_SECONDS,
) -> dict[str, Timed]:  # fmt: skip
    """Time every side on the same inputs, in blocks that take turns.

    A call begins with inputs in host memory and ends with outputs there, the device synchronised.

    Args:
        sides: name -> runner. feeds: inputs of one batch size, taken round and round.
    """
    for runner in sides.values():
        _warm_up(runner, feeds)
    spent: dict[str, list[float]] = {name: [] for name in sides}
    began = time.perf_counter()
    collecting = gc.isenabled()
    gc.disable()  # a collection within a call is no part of it
    length = max(1, -(-calls // BLOCKS))
    try:
        for turn in range(0, calls, length):
            for name, runner in sides.items():
                spent[name] += _block(runner, feeds, range(turn, min(turn + length, calls)))
            late = time.perf_counter() - began > most_seconds * len(sides)
            if late and turn + length >= min(LEAST_CALLS, calls):
                break
    finally:
        if collecting:
            gc.enable()
    return {name: Timed(feeds[0].size, np.asarray(one)) for name, one in spent.items()}


def _block(runner: Runner, feeds: Sequence[Feed], turns: range) -> list[float]:
    """Time one side's calls, one after the other."""
    time.sleep(REST_S)
    for turn in range(UNTIMED):
        runner.run(feeds[turn % len(feeds)])
    found = []
    for turn in turns:
        feed = feeds[turn % len(feeds)]
        start = time.perf_counter()
        runner.run(feed)
        found.append(time.perf_counter() - start)
    return found


def _warm_up(runner: Runner, feeds: Sequence[Feed]) -> None:
    began = time.perf_counter()
    for turn in range(WARM_CALLS):
        runner.run(feeds[turn % len(feeds)])
        if turn + 1 >= LEAST_WARM and time.perf_counter() - began > WARM_SECONDS:
            return
