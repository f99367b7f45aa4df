"""The random generators at the beginning of a step, to take it again with the same draws."""

from __future__ import annotations

import torch


class Moment:
    """A reading of torch's generators: 1 us on the CPU, a few more with CUDA, where nothing waits.

    Python's and numpy's generators are read by loaders, between steps, and seldom in a forward: reading them
    would take fifty times as long.

    Args:
        device: where the training goes on.
    """

    __slots__ = ("_cpu", "_cuda", "_device")

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._cpu = torch.default_generator.get_state()
        self._cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def rewind(self) -> None:
        """Put the generators back."""
        torch.default_generator.set_state(self._cpu)
        if self._cuda is not None:
            torch.cuda.set_rng_state(self._cuda, self._device)
