"""Which storages are alive, op by op, and when they were the most: the ground of every number here.

A dispatch mode sees the result of each operation and watches its storage with a weak reference. It works
alike on fake tensors, which have sizes and no memory, and on real ones. What a kernel takes and gives back
within one operation is not seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

UPDATE = "update"  # the phase of the optimizer's step
CUDA_ROUND = 512  # bytes; CUDA's caching allocator hands out multiples (c10/cuda/CUDACachingAllocator.h)


class Storage:
    """One allocation and its life. `born`, `died`: times of the tracker; `died` None while it lives.

    Attributes:
        size: bytes. kind: what it is, "" while that is not known. module: path of the module at work.
        phase: in which it was made. kept: the newest forward left it for backward.
    """

    __slots__ = ("born", "died", "kept", "kind", "module", "phase", "ref", "size")

    def __init__(self, size: int, kind: str, module: str, phase: str, born: int) -> None:
        self.size, self.kind, self.module, self.phase = size, kind, module, phase
        self.born, self.died = born, None
        self.kept, self.ref = False, None


class StorageTracker(TorchDispatchMode):
    """Follow allocations while the mode is on.

    Args:
        round_to: bytes that every size is rounded up to a multiple of; 512 as CUDA does.
        answers: give a made-up value to an optimizer that reads one in its update; fake tensors have none,
            and what an optimizer holds does not depend on it.

    Attributes:
        phase, module: noted with each new storage. storages: all there were, in the order of their births.
    """

    def __init__(self, *, round_to: int = 1, answers: bool = False) -> None:
        super().__init__()
        self.phase = self.module = ""
        self.storages: list[Storage] = []
        self._round, self._answers = round_to, answers
        self._alive: dict[int, Storage] = {}
        self._now = self._reads = 0
        self._holds: Tensor | None = None  # the newest condition that an optimizer finds true

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self._answers and self.phase == UPDATE and func in _READS:
            return self._one_more_round(args[0])
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            if self._answers and self.phase == UPDATE and func is _ABOVE:
                self._holds = result if args[1] > 0 else None
            self._note(result, terms=_terms(args) if self._answers and func in _REDUCED_IN_PLACE else None)
        else:
            for part in tree_leaves(result):
                if isinstance(part, Tensor):
                    self._note(part)
        return result

    def adopt(self, tensors: Iterable[tuple[Tensor, str, str]]) -> None:
        """Take in what is there already: (tensor, kind, module path) each."""
        for tensor, kind, module in tensors:
            self._note(tensor, kind, module)

    def of(self, tensor: Tensor) -> Storage | None:
        """Return the record of a tensor's storage."""
        return self._alive.get(tensor.untyped_storage()._cdata)

    def label(self, tensors: Iterable[tuple[Tensor, str, str]]) -> None:
        """Say what storages are that have no kind yet: (tensor, kind, module path) each."""
        for tensor, kind, module in tensors:
            storage = self.of(tensor)
            if storage is not None and not storage.kind:
                storage.kind, storage.module = kind, module

    def close(self) -> None:
        """Follow no further: what is alive now stays alive in the record."""
        for one in self._alive.values():
            one.ref = None

    def _one_more_round(self, tensor: Tensor) -> bool | int | float:
        """What a read gives, so that an optimizer that searches searches on: a number is smaller each time, a
        condition false, but for `curvature > 1e-10` and the like: then the step is remembered.
        """
        if tensor.dtype == torch.bool:
            return tensor is self._holds
        self._reads += 1
        return 1.0 / self._reads if tensor.dtype.is_floating_point else 1

    def _note(
        self, tensor: Tensor, kind: str = "", module: str | None = None, terms: int | None = None
    ) -> None:
        """Follow a tensor's storage; `terms`: the numbers in it, where they are more than it shows."""
        if tensor.layout is not torch.strided:
            for part in _parts_of(tensor):
                self._note(part, kind, module)
            return
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._alive:
            return
        n_bytes = storage.nbytes() if terms is None else terms * tensor.element_size()
        size = -(-n_bytes // self._round) * self._round
        self._now += 1
        found = Storage(size, kind, self.module if module is None else module, self.phase, self._now)
        found.ref = weakref.ref(storage, lambda _: self._gone(key, found))
        self._alive[key] = found
        self.storages.append(found)

    def _gone(self, key: int, storage: Storage) -> None:
        if self._alive.get(key) is storage:
            del self._alive[key]
            self._now += 1
            storage.died = self._now


def highest(storages: Iterable[Storage]) -> dict[str, int]:
    """Return, for each phase, the time at which most is alive of what these storages are."""
    changes = []
    for one in storages:
        changes.append((one.born, one.size, one.phase))
        if one.died is not None:
            changes.append((one.died, -one.size, ""))
    total, peaks, times = 0, dict[str, int](), dict[str, int]()
    for time, change, phase in sorted(changes):
        total += change
        if phase and total > peaks.get(phase, -1):
            peaks[phase], times[phase] = total, time
    return times


def alive_at(storages: Iterable[Storage], time: int) -> list[Storage]:
    """Return those alive at a time."""
    return [one for one in storages if one.born <= time and (one.died is None or one.died > time)]


def same_way(first: Sequence[Storage], second: Sequence[Storage]) -> bool:
    """Say whether two runs made the same allocations in the same order, of whatever sizes."""
    return [(one.phase, one.module) for one in first] == [(one.phase, one.module) for one in second]


_READS = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default)
_ABOVE = torch.ops.aten.gt.Scalar
# Losses whose mean or sum stays in the memory of all terms (aten/src/ATen/native/Loss.cpp reduces in place);
# stand-ins show a single number. Read off torch 2.13: `F.mse_loss(a, b).untyped_storage().nbytes()`.
_REDUCED_IN_PLACE = (
    torch.ops.aten.mse_loss.default, torch.ops.aten.smooth_l1_loss.default,
    torch.ops.aten.soft_margin_loss.default, torch.ops.aten.binary_cross_entropy.default,
)  # fmt: skip


def _terms(args: Any) -> int:
    """Return the number of terms of a loss: an input may broadcast to a larger target."""
    return torch.broadcast_shapes(args[0].shape, args[1].shape).numel()


def _parts_of(tensor: Tensor) -> list[Tensor]:
    if tensor.layout is torch.sparse_coo:
        return [tensor._indices(), tensor._values()]
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    return []
