"""What a checkpoint will cost the training, estimated before the start: the copy, and the processor's time.

The disk works beside it (`nbtrain.train.save_time` says for how long). Nothing is saved here: the speed of
copying and of hashing is measured on memory of ours. While the run trains the interval follows from what its
saves really took (`nbtrain.train.callbacks.checkpoint`).
"""

from __future__ import annotations

import functools
import hashlib
import time
from dataclasses import dataclass
from typing import Any

import torch

from nbtrain import units
from nbtrain.train.callbacks.checkpoint import AUTO_LEAST_S, SAVING_SHARE
from nbtrain.train.save_time import saved_bytes

PROBE_BYTES = 1 << 24  # copied and hashed, three times each: 50 ms in all, once in a process
LEAST_S = 5e-3  # files, fsync and commit of the smallest checkpoint


@dataclass(frozen=True)
class SavingCost:
    """What one checkpoint costs.

    Attributes:
        n_bytes: of weights, buffers and the optimizer's state. seconds: that the training will miss.
    """

    n_bytes: int
    seconds: float

    @property
    def interval_s(self) -> float:
        """Seconds from save to save at which saving takes SAVING_SHARE of the time, AUTO_LEAST_S at least."""
        return max(self.seconds / SAVING_SHARE, AUTO_LEAST_S)

    def __str__(self) -> str:
        interval_s = round(self.interval_s)
        said = f"{interval_s} s" if interval_s < 120 else units.seconds(interval_s)
        return (
            f"about every {said} ({units.size(self.n_bytes)}, about "
            f"{units.seconds(float(f'{self.seconds:.1g}'))} a save), then as measured, so that saving takes "
            f"at most {units.percent(SAVING_SHARE, 0)} of the time"
        )


def saving_cost(work: Any) -> SavingCost:
    """Estimate what a checkpoint of a run will cost it, beside what the disk does meanwhile."""
    n_bytes = saved_bytes(work.model, work.optimizer)
    copying, hashing = _seconds_a_byte()
    # copied once for the pause and once more into the file; hashed as it is written
    return SavingCost(n_bytes, LEAST_S + n_bytes * (2 * copying + hashing))


@functools.cache
def _seconds_a_byte() -> tuple[float, float]:
    """(copying, hashing) a byte, the fastest of three: what else the machine does can only slow it down."""
    source = torch.zeros(PROBE_BYTES, dtype=torch.uint8)
    held = memoryview(source.numpy())
    copying, hashing = [], []
    for _ in range(3):
        began = time.perf_counter()
        source.clone()
        copied = time.perf_counter()
        hashlib.blake2b(held)
        copying.append(copied - began)
        hashing.append(time.perf_counter() - copied)
    return min(copying) / PROBE_BYTES, min(hashing) / PROBE_BYTES
