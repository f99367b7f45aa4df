"""Copies of plain data in the host's memory: what is saved later must not change meanwhile.

The memory of a copy is kept for the next one: fresh memory costs more than the copying itself (on a CPU each
page is mapped at its first touch, on a GPU each block is pinned).
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil
import torch
from torch import Tensor

from nbtrain.runs.plain import SCALARS

MOST_OF_FREE = 0.5  # of the memory that is free: the training may need the rest before the copy is let go


def there_is_room(n_bytes: int) -> bool:
    """Say whether the host has room for a copy of `n_bytes`."""
    return n_bytes <= MOST_OF_FREE * psutil.virtual_memory().available


@dataclass
class HostCopy:
    """Plain data that nobody changes any more, and the memory it lies in."""

    data: Any
    blocks: list[Tensor] = field(default_factory=list)


class HostCopies:
    """Makes copies of plain data, in memory of its own that it uses again. Any thread may give one back."""

    def __init__(self) -> None:
        self._free: dict[tuple[int, bool], list[Tensor]] = defaultdict(list)
        self._lock = threading.Lock()

    @property
    def kept_bytes(self) -> int:
        """Bytes kept for the next copy."""
        with self._lock:
            return sum(size * len(blocks) for (size, _), blocks in self._free.items())

    def copy(self, plain: Any) -> HostCopy:
        """Return a copy of plain data (`nbtrain.runs.plain.for_torch`).

        Tensors that share memory share it in the copy. Those of a GPU come into pinned memory, all on their
        way at once.
        """
        places: dict[Any, Tensor] = {}
        data = self._copied(plain, places)
        if any(key[0] == "cuda" for key in places):
            torch.cuda.synchronize()  # device sync: once a checkpoint, for all of its copies
        return HostCopy(data, list(places.values()))

    def give_back(self, copy: HostCopy) -> None:
        """Take the memory of a copy that is needed no longer; where memory is short it is let go."""
        blocks, copy.blocks, copy.data = copy.blocks, [], None
        if not there_is_room(sum(block.numel() for block in blocks)):
            self.let_go()
            return
        with self._lock:
            for block in blocks:
                self._free[block.numel(), block.is_pinned()].append(block)

    def let_go(self) -> None:
        """Keep no memory any longer."""
        with self._lock:
            self._free.clear()

    def _copied(self, value: Any, places: dict[Any, Tensor]) -> Any:
        if type(value) in SCALARS:  # first: the state of a generator has thousands of numbers
            return value
        if isinstance(value, Tensor):
            return self._copied_tensor(value, places)
        if isinstance(value, Counter):
            return Counter(value)
        if isinstance(value, OrderedDict):
            ordered = OrderedDict((key, self._copied(part, places)) for key, part in value.items())
            if hasattr(value, "_metadata"):
                ordered._metadata = value._metadata
            return ordered
        if isinstance(value, Mapping):
            return {key: self._copied(part, places) for key, part in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self._copied(part, places) for part in value)
        return value

    def _copied_tensor(self, tensor: Tensor, places: dict[Any, Tensor]) -> Tensor:
        kind = tensor.device.type
        if tensor.layout is not torch.strided or type(tensor) is not Tensor or kind not in ("cpu", "cuda"):
            return tensor.detach().to("cpu", copy=True)
        storage = tensor.untyped_storage()
        if not storage.nbytes():
            return tensor.detach().clone()
        key = kind, storage.data_ptr(), storage.nbytes()
        if key not in places:
            source = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(storage)
            block = self._block(source.numel(), pinned=kind == "cuda")
            places[key] = block.copy_(source, non_blocking=kind == "cuda")
        whole = torch.empty(0, dtype=tensor.dtype).set_(
            places[key].untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride()
        )
        return whole.conj() if tensor.is_conj() else whole

    def _block(self, size: int, *, pinned: bool) -> Tensor:
        with self._lock:
            free = self._free.get((size, pinned))
            if free:
                return free.pop()
        return torch.empty(size, dtype=torch.uint8, pin_memory=pinned)
