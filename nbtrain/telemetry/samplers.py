"""Readings of the hardware, taken now and then by the pump: how busy the GPU is.

Hardware, driver or package that is not there means no reading, never an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

EVERY_S = 1.0  # NVML's own period is between 1/6 and 1 s


class DeviceSampler:
    """Collect readings in one thread (`look`), hand out their mean in another (`take`).

    Args:
        read: returns percent, 0..100; what it raises ends the readings.
        every_s: seconds between readings, at least.
    """

    def __init__(self, read: Callable[[], float], *, every_s: float = EVERY_S) -> None:
        self._read, self._every_s = read, every_s
        self._sum, self._count = 0.0, 0
        self._due = 0.0
        self.works = True

    def look(self) -> None:
        """Take a reading when one is due."""
        now = time.monotonic()
        if not self.works or now < self._due:
            return
        self._due = now + self._every_s
        try:
            value = float(self._read())
        except Exception:  # a driver's own kinds of error, MIG, no permission: no reading is not worth a word
            self.works = False
            return
        self._sum, self._count = self._sum + value, self._count + 1

    def take(self) -> float | None:
        """Return the mean of the readings since the last call; None when there was none."""
        total, count = self._sum, self._count
        # a reading that comes in between these two lines is lost, which an average does not feel
        self._sum, self._count = 0.0, 0
        return total / count if count else None


def device_sampler(device: torch.device) -> DeviceSampler | None:
    """Return a sampler of a GPU's utilisation (`pip install nvidia-ml-py`), None for other devices."""
    if device.type != "cuda":
        return None
    return DeviceSampler(lambda: torch.cuda.utilization(device))
