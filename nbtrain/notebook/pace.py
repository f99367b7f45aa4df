"""How long a loader takes for a batch, timed in this process and without disturbing it.

As in `nbtrain.notebook.sample`: no worker starts, no sampler draws, no generator moves, and what can be
read only once is not touched.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, SequentialSampler, SubsetRandomSampler

from nbtrain.notebook.rng import preserved_rng
from nbtrain.notebook.sample import fresh_iterator, knows_indices, owners_of, sampler_of

BUDGET_S = 0.2
MOST_BATCHES = 6  # the first of them warms caches up and does not count, unless there is no time for another


@dataclass(frozen=True)
class Pace:
    """Seconds of a batch in one process.

    Attributes:
        times: of each batch timed. busy: the share of it that was computing; the rest was waiting.
    """

    times: tuple[float, ...]
    busy: float = 1.0

    @property
    def batch_s(self) -> float:
        """Return the middle of the times."""
        return median(self.times)


def time_loader(loader: Any) -> Pace | None:
    """Time a few batches of a loader, a fifth of a second in all or one batch; None when it must not be read.

    Shuffled data is read at random places, since a disk takes longer for that; the places are ours, the
    loader's sampler draws nothing.
    """
    if isinstance(loader, (list, tuple)):
        return Pace((0.0,))
    try:
        with preserved_rng(*owners_of(loader)), closing(_batches(loader)) as batches:
            return _timed(batches)
    except Exception:  # the person's data set: its rehearsal or its run shows what it raises
        return None


def _timed(batches: Iterator[Any]) -> Pace | None:
    times: list[float] = []
    computed = 0.0
    began = time.perf_counter()
    for _ in range(MOST_BATCHES):
        wall, busy = time.perf_counter(), time.thread_time()
        try:
            next(batches)
        except StopIteration:
            break
        now = time.perf_counter()
        times.append(now - wall)
        computed += time.thread_time() - busy
        if now - began > BUDGET_S:
            break
    if not times:
        return None
    return Pace(tuple(times[1:] or times), min(1.0, computed / max(sum(times), 1e-9)))


def _batches(loader: Any) -> Iterator[Any]:
    """Yield batches as the loader makes them, from indices of ours where it has any."""
    if not isinstance(loader, DataLoader):
        with fresh_iterator(loader, what=f"a {type(loader).__name__}") as items:
            yield from items
        return
    if isinstance(loader.dataset, IterableDataset):
        with fresh_iterator(loader.dataset, what="an IterableDataset") as items:
            while taken := list(islice(items, loader.batch_size or 1)):
                yield loader.collate_fn(taken if loader.batch_size else taken[0])
        return
    if not knows_indices(loader):
        return
    yield from _twin(loader)


def _twin(loader: DataLoader) -> DataLoader:
    """Return a loader over the same data in this process, with indices and a generator of its own."""
    sampler = sampler_of(loader)
    size = loader.batch_size or getattr(loader.batch_sampler, "batch_size", None) or 1
    if isinstance(loader.sampler, BatchSampler):  # batch_size=None: the sampler's lists index the data set
        size = loader.sampler.batch_size
    known = list(sampler.indices) if isinstance(sampler, SubsetRandomSampler) else range(len(loader.dataset))
    count = min(len(known), size * MOST_BATCHES)
    in_order = isinstance(sampler, SequentialSampler)
    order = list(known[:count]) if in_order else random.Random(0).sample(known, count)
    groups = [order[start : start + size] for start in range(0, count, size)]
    how: dict[str, Any] = {"batch_sampler": groups}
    if loader.batch_sampler is None:
        how = {"batch_size": None, "sampler": groups if isinstance(loader.sampler, BatchSampler) else order}
    return DataLoader(loader.dataset, collate_fn=loader.collate_fn, generator=torch.Generator(), **how)
