"""Settings of torch that hold for the whole process: what a cell sets, the training thread has too.

Gradient mode, autocast, the default device and the number of threads belong to a thread and stay there.
"""

from __future__ import annotations

from typing import Any

import torch


def process_flags() -> dict[str, Any]:
    """Return what reaches the training from any thread; about 6 us."""
    return {
        "default dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "anomaly detection": torch.is_anomaly_enabled(),
        "float32 matmul precision": torch.get_float32_matmul_precision(),
        "cudnn.benchmark": torch.backends.cudnn.benchmark,
        "cudnn.allow_tf32": torch.backends.cudnn.allow_tf32,
    }


class Flags:
    """The settings as they were at the last look."""

    def __init__(self) -> None:
        self._now = process_flags()

    def look(self) -> list[tuple[str, Any, Any]]:
        """Return (name, before, now) of each that has changed since."""
        before, self._now = self._now, process_flags()
        return [(name, before[name], now) for name, now in self._now.items() if before[name] != now]
