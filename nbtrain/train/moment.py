"""The random generators at the beginning of a step, to take it again with the same draws.

A copy of torch's CPU generator takes 10 us, and most steps draw nothing: the generator is looked at where it
lies in memory (0.5 us), and copied only when it has moved.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

WORDS = 624  # of a Mersenne twister's state
# torch's CPUGeneratorImpl: a header, seed (8 bytes), left, seeded, next (4 each), the words, then a normal
# number in reserve as a float and as a double, each with a flag
_BEFORE, _BEHIND = 20, 28
_HEADERS = range(80, 124, 4)  # bytes before the words; 100 in torch 2.4 to 2.13


class Moment:
    """Where torch's generators stood.

    Python's and numpy's generators are read by loaders, between steps, and seldom in a forward: reading them
    would take fifty times as long.

    Args:
        cpu: state of the CPU generator. cuda: state of the one of `device`, None without CUDA.
    """

    __slots__ = ("_cpu", "_cuda", "_device")

    def __init__(self, cpu: Tensor, cuda: Tensor | None, device: torch.device) -> None:
        self._cpu, self._cuda, self._device = cpu, cuda, device

    def rewind(self) -> None:
        """Put the generators back."""
        torch.default_generator.set_state(self._cpu)
        if self._cuda is not None:
            torch.cuda.set_rng_state(self._cuda, self._device)


class Moments:
    """Take moments of a run, each with a copy of the generators only where they have moved.

    Args:
        device: where the training goes on.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._on_cuda = device, device.type == "cuda"
        self._stamp = stamp_of_generator()
        self._seen: object = None
        self._cpu = torch.default_generator.get_state()
        self._newest = self.now()

    def now(self) -> Moment:
        """Return this moment."""
        stamp = self._stamp() if self._stamp is not None else None
        moved = stamp is None or stamp != self._seen
        if moved:
            self._seen, self._cpu = stamp, torch.default_generator.get_state()
        if moved or self._on_cuda:
            cuda = torch.cuda.get_rng_state(self._device) if self._on_cuda else None  # waits for nothing
            self._newest = Moment(self._cpu, cuda, self._device)
        return self._newest


def stamp_of_generator() -> Callable[[], tuple[bytes, bytes, bytes]] | None:
    """Return what reads a stamp of torch's CPU generator: another one after each draw.

    Seed, counters, the first word, which is another one after 624 draws, and the numbers in reserve. None
    where the generator does not lie in memory as it is known to: then each moment needs a copy.
    """
    address = getattr(torch.default_generator, "_cdata", None)
    state = torch.default_generator.get_state().numpy().tobytes()
    if not address or len(state) < 24 + 8 * WORDS:
        return None
    words = np.frombuffer(state, np.uint64, WORDS, offset=24).astype(np.uint32).tobytes()
    left = state[8:12]
    for place in _HEADERS:
        start = address + place
        if ctypes.string_at(start - 12, 4) == left and ctypes.string_at(start, 4 * WORDS) == words:
            before = (ctypes.c_char * _BEFORE).from_address(start - _BEFORE)
            first = (ctypes.c_char * 4).from_address(start)
            behind = (ctypes.c_char * _BEHIND).from_address(start + 4 * WORDS)
            return lambda: (before.raw, first.raw, behind.raw)
    return None
