"""Write how busy the GPU was into an epoch's row."""

from __future__ import annotations

from typing import Any

from nbtrain.telemetry.samplers import DeviceSampler
from nbtrain.train.events import Callback


class Utilisation(Callback):
    """Add `gpu_util`, percent, the mean of the readings within an epoch; nothing where there was none.

    Args:
        sampler: read by the pump.
    """

    def __init__(self, sampler: DeviceSampler) -> None:
        self._sampler = sampler

    def on_epoch(self, work: Any, state: Any, row: dict[str, Any]) -> None:
        """Take what was read since the epoch before."""
        if (busy := self._sampler.take()) is not None:
            row["gpu_util"] = busy
