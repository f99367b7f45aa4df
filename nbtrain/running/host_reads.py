"""Where a step makes the host wait for the device: `.item()`, `.cpu()`, a mask used as an index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nbtrain.running.source_line import persons_line

# Operations whose result, or its size, the host has to know; and copies to the host
_READING = {
    "aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::_unique2", "aten::unique_dim",
    "aten::repeat_interleave.Tensor", "aten::equal",
}  # fmt: skip
_COPYING = ("aten::_to_copy", "aten::copy_")


class HostReads(TorchDispatchMode):
    """Count them while active, in this thread.

    Args:
        device: kind of the device that is read; a number of the host's own costs nobody anything.

    Attributes:
        count: how many. lines: source line -> how many of them it made, where that is a person's.
    """

    def __init__(self, device: str) -> None:
        super().__init__()
        self._device = device
        self.count = 0
        self.lines: dict[str, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.name() if hasattr(func, "name") else ""
        reads = name in _READING or name.split(".")[0] in _READING or self._copies(name, result)
        if reads and self._on_device(args):
            self._note()
        return result

    def _on_device(self, args: Any) -> bool:
        tensors = (one for arg in args for one in (arg if isinstance(arg, (tuple, list)) else (arg,)))
        return any(isinstance(one, torch.Tensor) and one.device.type == self._device for one in tensors)

    def _copies(self, name: str, result: Any) -> bool:
        to_host = isinstance(result, torch.Tensor) and result.device.type == "cpu" != self._device
        return to_host and name.startswith(_COPYING)

    def _note(self) -> None:
        self.count += 1
        text, where = persons_line(__name__)
        if where:
            line = f"`{text}` ({where})"
            self.lines[line] = self.lines.get(line, 0) + 1


class Probe:
    """A look into one step, wished for by the pump and taken by the training thread.

    Args:
        device: kind of the device that trains.

    Attributes:
        wanted: the next step is to be looked at. reads: what was seen; None before.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self.wanted = False
        self.reads: HostReads | None = None

    @contextmanager
    def look(self) -> Iterator[None]:
        """Look into what happens in the block."""
        self.wanted, reads = False, HostReads(self._device)
        with reads:
            yield
        self.reads = reads
