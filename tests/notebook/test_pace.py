"""A loader is timed as it works, and nothing of it is moved or used up."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset, Sampler, SequentialSampler

from nbtrain.notebook.pace import MOST_BATCHES, time_loader


class Sleepy(Dataset):
    """Waits for each sample, and draws from every generator."""

    def __init__(self, wait_s: float = 0.0) -> None:
        self.wait_s, self.asked = wait_s, set()

    def __len__(self) -> int:
        return 200

    def __getitem__(self, index: int) -> Any:
        self.asked.add(index)
        time.sleep(self.wait_s)
        return torch.rand(3) + random.random() + np.random.rand(), index


class Streamed(IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        for _ in range(40):
            time.sleep(0.001)
            yield torch.rand(3)


class OneForAll(IterableDataset):
    """Hands out the same iterator each time: what is taken from it is gone."""

    def __init__(self) -> None:
        self.items = iter(range(40))

    def __iter__(self) -> Iterator[Any]:
        return self.items


def test_waiting_is_told_from_computing() -> None:
    """A batch takes at least as long as its samples wait, and hardly any of that is computing."""
    pace = time_loader(DataLoader(Sleepy(0.004), batch_size=8, shuffle=True, num_workers=2))

    assert pace.batch_s >= 8 * 0.004 and len(pace.times) >= 1
    assert pace.busy < 0.9


def test_nothing_is_moved() -> None:
    """Generators of the process and of the loader are as before, and no worker was started."""
    data = DataLoader(Sleepy(), batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(3))
    before, numbers = torch.get_rng_state(), np.random.get_state()[1].copy()
    python, its_own = random.getstate(), data.generator.get_state()
    assert time_loader(data) is not None

    assert torch.equal(before, torch.get_rng_state()) and python == random.getstate()
    assert np.array_equal(numbers, np.random.get_state()[1])
    assert torch.equal(its_own, data.generator.get_state())


@pytest.mark.parametrize("shuffle", [False, True])
def test_places_are_those_of_the_order(shuffle: bool) -> None:
    """Data read in order is timed in order, shuffled data at places all over it."""
    dataset = Sleepy()
    time_loader(DataLoader(dataset, batch_size=4, shuffle=shuffle))

    assert (max(dataset.asked) < 4 * MOST_BATCHES) != shuffle


def test_one_slow_batch_is_enough() -> None:
    """Where a batch takes longer than the time there is, only one is read."""
    dataset = Sleepy(0.06)
    pace = time_loader(DataLoader(dataset, batch_size=4))

    assert len(dataset.asked) == 4 and pace.batch_s >= 0.24


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(Streamed(), batch_size=4), DataLoader(Streamed(), batch_size=None),
        DataLoader(Sleepy(), batch_size=None, sampler=None),
        DataLoader(Sleepy(), batch_sampler=BatchSampler(SequentialSampler(range(200)), 5, False)),
        DataLoader(Sleepy(), sampler=torch.utils.data.SubsetRandomSampler([3, 5, 7])),
        [torch.zeros(2)], Streamed(),
    ],
    ids=["stream", "stream unbatched", "unbatched", "batch sampler", "subset", "list", "iterable"],
)  # fmt: skip
def test_every_kind_of_loader_is_timed(loader: Any) -> None:
    """Streams, data without batches, samplers of all kinds and lists of batches have a pace."""
    assert time_loader(loader) is not None


class Own(Sampler):
    """Yields what only its own data set understands."""

    def __iter__(self) -> Iterator[Any]:
        return iter([("a", 1)])

    def __len__(self) -> int:
        return 1


def test_what_can_be_read_only_once_is_left_alone() -> None:
    """An iterator, a stream with one iterator for all, and a sampler of one's own lose nothing."""
    shared, lone = OneForAll(), iter([torch.zeros(2)] * 5)

    assert time_loader(lone) is None and len(list(lone)) == 5
    assert time_loader(DataLoader(shared, batch_size=4)) is None and len(list(shared)) == 40
    assert time_loader(DataLoader(Sleepy(), sampler=Own())) is None


def test_data_that_raises_has_no_pace() -> None:
    """The person's exception is the run's to show."""

    class Broken(Sleepy):
        def __getitem__(self, index: int) -> Any:
            raise ValueError("not today")

    assert time_loader(DataLoader(Broken(), batch_size=4)) is None
