"""Batches that know their place: a loader's sampler that counts what it gives and can begin further on, and a
data set whose draws come from (seed, epoch, batch).

The loader itself is copied, so that the person's stays as it is; both share sampler, data set, generator and
collate function. torch offers no place for this but the index list, which goes from sampler to worker to data
set: it is marked with epoch and batch, and the data set seeds itself from the mark.
"""

from __future__ import annotations

import copy
import hashlib
import random
import struct
import zlib
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, get_worker_info

from nbtrain.runs.generators import find_generators, put_states, seed_generator, states_of


class Marked(NamedTuple):
    """The indices of one batch (or, without automatic batching, one index) with their place."""

    indices: Any
    epoch: int
    batch: int


class CountedSampler:
    """A loader's batch sampler, or its sampler where it batches nothing itself, counted.

    A DataLoader with workers calls `iter` twice and drops the first iterator unused: each call is independent
    and passes the call on, as the sampler would have been asked without us.

    Attributes:
        epoch: number the indices are marked with. skip: batches passed over by the next iterator.
        newest: the iterator given out last.
    """

    def __init__(self, inner: Any, *, marked: bool) -> None:
        self.inner, self.marked = inner, marked
        self.epoch = self.skip = 0
        self.newest: CountedIndices | None = None

    def __len__(self) -> int:
        return len(self.inner)

    def __iter__(self) -> CountedIndices:
        self.newest = CountedIndices(iter(self.inner), self.epoch, self.skip, marked=self.marked)
        return self.newest

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["inner"], name)


class CountedIndices:
    """One epoch's indices. Begins to count, and to pass over, with the first that is asked for."""

    def __init__(self, items: Iterator[Any], epoch: int, skip: int, *, marked: bool) -> None:
        self._items, self._epoch, self._marked = items, epoch, marked
        self._skip = skip
        self._order = array("I")  # after batch i, a checksum of all indices up to and with it

    def __iter__(self) -> CountedIndices:
        return self

    def __next__(self) -> Any:
        if self._skip:
            self.pass_over()
        indices = next(self._items)
        self._count(indices)
        return Marked(indices, self._epoch, len(self._order) - 1) if self._marked else indices

    def pass_over(self) -> int:
        """Pass over what is to be passed over; return how many batches that were, fewer where data ends."""
        while self._skip > len(self._order):
            try:
                self._count(next(self._items))
            except StopIteration:
                break
        self._skip = 0
        return len(self._order)

    def order(self, batches: int) -> int | None:
        """Return a checksum of the first so many index lists; None where not so many were given."""
        if batches > len(self._order):
            return None
        return self._order[batches - 1] if batches else 0

    def _count(self, indices: Any) -> None:
        try:
            data = array("q", indices).tobytes()
        except (TypeError, OverflowError):  # one index, or indices that are no whole numbers
            data = repr(indices).encode("utf-8", "backslashreplace")
        self._order.append(zlib.crc32(data, self._order[-1] if self._order else 0))


class SeededData:
    """A data set that takes marked indices, draws from (seed, epoch, batch), and collates.

    Collating happens here, inside the seeded block: a collate function may draw too (mixup).
    """

    def __init__(self, inner: Any, collate: Callable[[Any], Any], seed: int, *, batched: bool) -> None:
        self.inner, self._collate, self._seed, self._batched = inner, collate, seed, batched
        self._own: list[Any] | None = None  # generators that the data set carries, looked for once a process

    def __getitems__(self, marked: Marked) -> Any:
        with self._seeded(seed_of(self._seed, marked.epoch, marked.batch)):
            return self._collate(self._fetch(marked.indices))

    __getitem__ = __getitems__  # without automatic batching

    def __len__(self) -> int:
        return len(self.inner)

    def _fetch(self, indices: Any) -> Any:
        if not self._batched:
            return self.inner[indices]
        many = getattr(self.inner, "__getitems__", None)  # what torch's own fetcher prefers, too
        return many(indices) if many else [self.inner[index] for index in indices]

    @contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        if self._own is None:
            self._own = list(find_generators((self.inner, self._collate)).values())
        # a worker's generators serve nothing else; in the training process others draw from them as well
        with kept_generators(self._own) if get_worker_info() is None else nullcontext():
            random.seed(seed)
            np.random.seed(seed % 2**32)
            # torch.manual_seed costs 130 us: it looks for devices. By this name it is the thread's generator.
            torch.random.default_generator.manual_seed(seed)
            for place, generator in enumerate(self._own, start=1):
                seed_generator(generator, (seed + place) % 2**63)
            yield


def collated(batch: Any) -> Any:
    """Return what SeededData has collated already; has a name so that it can be sent to a spawned worker."""
    return batch


class WorkerStart:
    """A worker_init_fn that shows the person's data set in `get_worker_info()`, then does theirs."""

    def __init__(self, inner: Callable[[int], Any] | None) -> None:
        self.inner = inner

    def __call__(self, worker: int) -> None:
        info = get_worker_info()
        if info is not None and isinstance(info.dataset, SeededData):
            object.__setattr__(info, "dataset", info.dataset.inner)  # its own __setattr__ refuses
        if self.inner is not None:
            self.inner(worker)


def counted_copy(loader: DataLoader, seed: int | None) -> tuple[DataLoader, CountedSampler]:
    """Return a copy of a loader of map-style data whose sampler counts, and that sampler.

    Args:
        seed: each batch draws from (seed, epoch, batch); None leaves the generators alone, and the data set
            draws as it does in a loop by hand.
    """
    batched = loader.batch_sampler is not None
    name = "batch_sampler" if batched else "sampler"
    sampler = CountedSampler(getattr(loader, name), marked=seed is not None)
    twin = copy.copy(loader)
    own = vars(twin)  # a DataLoader refuses to have these set
    own[name], own["_iterator"] = sampler, None
    if seed is not None:
        own["dataset"] = SeededData(loader.dataset, loader.collate_fn, seed, batched=batched)
        own["collate_fn"] = collated
        own["worker_init_fn"] = WorkerStart(loader.worker_init_fn)
    return twin, sampler


def seed_of(seed: int, epoch: int, batch: int) -> int:
    """Return the seed of one batch, 63 bits, unlike those of all others."""
    place = struct.pack("<QQQ", seed % 2**64, epoch, batch)
    return int.from_bytes(hashlib.blake2b(place, digest_size=8).digest(), "little") >> 1


@contextmanager
def kept_generators(own: list[Any]) -> Iterator[None]:
    """Leave the generators of the process, and `own`, as they were. 80 us, most of it numpy's."""
    python, numpy, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    carried = states_of(dict(zip(map(str, range(len(own))), own, strict=True)))
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torch_state)
        put_states(dict(zip(map(str, range(len(own))), own, strict=True)), carried)
