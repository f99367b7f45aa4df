"""The newest steps' batches, held until it is known that the steps were sound.

An accelerator says late which step was not; without the batch nobody could see why. On the CPU the verdict
comes with the step, and nothing is held.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from nbtrain.train.autopsy.tensors import tensors_in
from nbtrain.train.moment import Moment

HOST_BYTES = 256 * 1024**2
DEVICE_BYTES = 64 * 1024**2  # batches that live on the device take from what the model needs


class Recent:
    """Hold the groups of the newest steps, as many as fit."""

    def __init__(self) -> None:
        self._held: deque[tuple[int, Sequence[Any], Moment, int, int]] = deque()
        self._host = self._device = 0

    def keep(self, step: int, group: Sequence[Any], moment: Moment) -> None:
        """Hold the batches of a step; the oldest go when there are too many."""
        host = device = 0
        for tensor in tensors_in(group):
            size = tensor.numel() * tensor.element_size()
            host, device = (host + size, device) if tensor.device.type == "cpu" else (host, device + size)
        self._held.append((step, group, moment, host, device))
        self._host, self._device = self._host + host, self._device + device
        while self._held and (self._host > HOST_BYTES or self._device > DEVICE_BYTES):
            self._drop()

    def sound_until(self, step: int) -> None:
        """Let go of the steps up to this one."""
        while self._held and self._held[0][0] <= step:
            self._drop()

    def of(self, step: int) -> tuple[Sequence[Any], Moment] | None:
        """Return a step's batches and random generators; None when they are no longer held."""
        return next(((group, moment) for at, group, moment, *_ in self._held if at == step), None)

    def _drop(self) -> None:
        *_, host, device = self._held.popleft()
        self._host, self._device = self._host - host, self._device - device
