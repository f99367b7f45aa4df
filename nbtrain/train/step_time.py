"""How long a forward and backward takes, and whether the machine had time for it while that was timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

TIMING_SECONDS = 0.25
LEAST_TIMINGS, MOST_TIMINGS = 7, 12  # in a fresh kernel each of the first few is faster than the one before
LONG_SECONDS = 5.0  # steps that take so long are not warmed up once more


@dataclass(frozen=True)
class StepTimes:
    """Readings of a step's time.

    Attributes:
        times_s: of a forward and backward, a few times.
        busy: the share of that time in which this thread was computing. Far below 1, others held the
            processors, and the same step will be faster without them. 1 where a device other than the CPU
            computes.
    """

    times_s: tuple[float, ...]
    busy: float = 1.0


def time_steps(
    model: nn.Module, task: Any, batch: Any, context: Callable[[], AbstractContextManager[Any]]
) -> StepTimes:
    """Time a forward and backward a few times, after those that warmed caches and threads up.

    A quarter of a second is spent on it, or seven steps if they take no more than a second, or two. The first
    of them does not count where there are others.
    """
    times: list[float] = []
    computed: list[float] = []
    on_cpu = True
    start = time.perf_counter()
    for count in range(1, MOST_TIMINGS + 1):
        for parameter in model.parameters():
            parameter.grad = None
        began, began_computing = time.perf_counter(), time.thread_time()
        with context():
            loss = task.loss(model, batch)[0]
        loss.backward()
        if loss.device.type == "cuda":
            torch.cuda.synchronize(loss.device)  # device sync: before the run, to time a step
        times.append(time.perf_counter() - began)
        computed.append(time.thread_time() - began_computing)
        on_cpu = on_cpu and loss.device.type == "cpu"
        spent = time.perf_counter() - start
        if _is_enough(count, spent):
            break
    kept = slice(1 if len(times) > 1 else 0, None)
    busy = min(sum(computed[kept]) / max(sum(times[kept]), 1e-9), 1.0) if on_cpu else 1.0
    return StepTimes(tuple(times[kept]), busy)


def _is_enough(count: int, spent_s: float) -> bool:
    if spent_s <= TIMING_SECONDS:
        return False
    if count >= LEAST_TIMINGS or spent_s > LONG_SECONDS:
        return True
    return count >= 2 and spent_s > 4 * TIMING_SECONDS
