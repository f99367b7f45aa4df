"""A GPU that has little to do, and what keeps it waiting."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from torch.utils.data import DataLoader

from nbtrain.findings import Finding, Severity
from nbtrain.running.host_reads import Probe
from nbtrain.running.limits import UTILISATION
from nbtrain.running.limits import UTILISATION_EPOCHS as EPOCHS
from nbtrain.running.signs.loader_bound import advice
from nbtrain.running.signs.sign import Sign

READS = 2  # waits for the device in a step; a GradScaler has one
WAITING = 0.25  # of the time spent waiting for batches: then the loader is to blame first


class IdleDevice(Sign):
    """The median utilisation of 10 epochs is below 60 %.

    What NVML calls utilisation is the share of time in which any kernel ran, so a low number is sure: most of
    the time none did. Either the loader kept the training waiting, which the loop measures; or the batches
    came in time, and the host waited for the device's results in each step (`.item()`, `.cpu()`, prints of
    values), or could not launch work as fast as the device did it (small batches, small layers). One step is
    looked into before it is said, for the lines that wait. Epochs without a reading (no GPU, no NVML, epochs
    shorter than its period) say nothing. Said once.

    Args:
        loader: the training loader, for advice that fits it. probe: has one step looked into.
    """

    def __init__(self, loader: Any, probe: Probe) -> None:
        self._loader, self._probe = loader, probe
        self._seen: deque[tuple[float, float]] = deque(maxlen=EPOCHS)  # utilisation, share waited
        self._said = False

    def look(self, news: Any, state: Any) -> list[Finding]:
        """Take in the epochs that came."""
        for row in news.epochs:
            if (used := row.get("gpu_util")) is not None and used == used:
                self._seen.append((used, row.get("data_wait", 0.0)))
        if self._said or len(self._seen) < EPOCHS:
            return []
        used, waited = (float(np.median(column)) for column in zip(*self._seen, strict=True))
        if used >= UTILISATION:
            return []
        if self._probe.reads is None and state.phase != "done":
            self._probe.wanted = True  # said at a later beat, with what the next step shows
            return []
        self._said = True
        cause, remedy = self._blame(waited)
        return [
            Finding(
                "resource-inefficiency",
                Severity.WARNING,
                f"The GPU is busy {used:.0f} % of the time: {cause}.",
                current=f"{used:.0f} %",
                recommended=f"{remedy}; %train explain resource-inefficiency says in which order",
                evidence=f"median of {EPOCHS} epochs; waiting for data took {waited:.0%} of the time",
                step=state.step,
            )
        ]

    def _blame(self, waited: float) -> tuple[str, str]:
        pin = ""
        if isinstance(self._loader, DataLoader) and not self._loader.pin_memory:
            pin = ", pin_memory=True"
        if waited >= WAITING:
            return "the loader keeps it waiting", advice(self._loader) + pin
        reads = self._probe.reads
        if reads is not None and reads.count >= READS:
            where = f": {', '.join(list(reads.lines)[:3])}" if reads.lines else ""
            return (
                f"the host waits for it {reads.count} times in a step{where}",
                f"keep values on the device and read them once an epoch{pin}",
            )
        size = getattr(self._loader, "batch_size", None)
        larger = f"a larger batch (now {size})" if size else "larger batches"
        return (
            "the batches come in time, but the host does not keep it at work",
            f"{larger}, bf16, torch.compile{pin}",
        )
