"""The feed: batches that know their place, from the person's loader as it is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from resume_cases import Augmented, mixed
from torch.utils.data import DataLoader, Dataset, get_worker_info

from nbtrain.runs.rng import capture_rng
from nbtrain.train.counted import Marked
from nbtrain.train.feed import Feed, IndexedFeed, choose_data_seed, make_feed


def loader(**options: Any) -> DataLoader:
    return DataLoader(Augmented(), batch_size=4, collate_fn=mixed, **{"shuffle": True, **options})


def numbers(batches: Any) -> list[list[float]]:
    return [batch[0].flatten().tolist() for batch in batches]


def drawn() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def seeded() -> None:
    random.seed(1), np.random.seed(2), torch.manual_seed(3)


def test_seeded_batches_are_the_same_with_any_number_of_workers() -> None:
    """With a seed 0, 1 and 2 workers give the same batches, other ones each epoch, and a skip finds them."""
    streams = []
    for workers in (0, 1, 2):
        feed = make_feed(loader(num_workers=workers), 5)
        seeded()
        streams.append((numbers(feed.batches(1)), numbers(feed.batches(2))))

    assert streams[0] == streams[1] == streams[2]
    assert streams[0][0] != streams[0][1]


def test_seeding_in_this_process_leaves_its_generators_alone() -> None:
    """After a seeded batch the process's generators go on as if nothing were, pending gauss values too."""
    data = make_feed(loader(), 5)._twin.dataset

    def numbers_around(between: Any) -> list[Any]:
        seeded()
        np.random.randn(), random.gauss(0, 1)  # each leaves a second value pending
        between()
        return [float(np.random.randn()), random.gauss(0, 1), float(data.inner.own.random()), *drawn()]

    undisturbed = numbers_around(lambda: None)
    data.inner.own = np.random.default_rng(7)

    assert numbers_around(lambda: data.__getitems__(Marked([0, 1], 1, 0))) == undisturbed


def test_without_a_seed_batches_are_those_of_a_loop_by_hand() -> None:
    """An unseeded loader without workers draws exactly what it draws when it is iterated by hand."""
    seeded()
    by_hand = [numbers(loader()), numbers(loader()), drawn()]
    feed = make_feed(loader(), choose_data_seed(loader(), None))
    seeded()

    assert feed.seed is None
    data = [numbers(feed.batches(1))]
    feed.loader.dataset.own = np.random.default_rng(7)  # by hand a new data set was made for each epoch
    assert [*data, numbers(feed.batches(2)), drawn()] == by_hand


def test_workers_without_a_seed_get_one() -> None:
    """Workers' generators cannot be saved: torch's own gives a seed, undisturbed; a given one comes first."""
    torch.manual_seed(11)
    before = torch.get_rng_state()
    chosen = choose_data_seed(loader(num_workers=2), None)
    assert isinstance(chosen, int) and torch.equal(before, torch.get_rng_state())
    assert chosen == choose_data_seed(loader(num_workers=2), None)
    torch.manual_seed(12)
    assert chosen != choose_data_seed(loader(num_workers=2), None)
    assert choose_data_seed(loader(num_workers=2), 3) == choose_data_seed(loader(), 3) == 3
    assert choose_data_seed(loader(), None) is None
    assert choose_data_seed([1, 2], 3) is None


def test_the_persons_loader_stays_as_it_is() -> None:
    """The feed works on a copy: sampler, data set, collate function and workers are untouched."""
    mine = loader(num_workers=1, generator=torch.Generator().manual_seed(1), persistent_workers=True)
    before = dict(vars(mine))
    feed = make_feed(mine, 3)
    list(feed.batches(1))

    assert vars(mine) == before
    assert len(feed._twin) == len(mine)
    assert feed._twin.sampler is mine.sampler and feed._twin.generator is mine.generator


class KnowsItsWorker(Dataset):
    opened = 0

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.tensor([float(get_worker_info().dataset is self), float(self.opened)])


def opens(worker: int) -> None:
    get_worker_info().dataset.opened = worker + 1


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_find_their_own_data_set(context: str) -> None:
    """In a worker get_worker_info().dataset is the person's, so that a worker_init_fn can prepare it."""
    data = DataLoader(
        KnowsItsWorker(), batch_size=4, num_workers=1, worker_init_fn=opens, multiprocessing_context=context
    )
    (first, _) = make_feed(data, 3).batches(1)

    assert first.tolist() == [[1.0, 1.0]] * 4


def test_a_position_is_found_by_skipping_indices() -> None:
    """The data set is not asked for the batches that are passed over, and the order is checked."""
    asked: list[int] = []

    class Counting(Augmented):
        def __getitem__(self, index: int) -> Any:
            asked.append(index)
            return super().__getitem__(index)

    feed = make_feed(DataLoader(Counting(), batch_size=4, shuffle=True, collate_fn=mixed), None)
    seeded()
    batches = feed.batches(1)
    for _ in range(3):
        next(batches)
    saved, now = feed.state_dict(1, 3, within=True), capture_rng()
    rest = numbers(batches)
    again = make_feed(DataLoader(Counting(), batch_size=4, shuffle=True, collate_fn=mixed), None)
    asked.clear()

    assert again.rewind(saved, now, lambda: True) == []
    assert asked == []
    assert numbers(again.batches(1)) == rest
    assert len(asked) == 23 - 12


class ForgetsItsOrder:
    """Another order each time, and nothing that tells which."""

    def __init__(self) -> None:
        self.orders = iter(range(100))

    def __iter__(self) -> Iterator[int]:
        start = next(self.orders)
        return iter([(index + start) % 23 for index in range(23)])

    def __len__(self) -> int:
        return 23


def test_an_order_that_is_another_is_said() -> None:
    """A sampler that cannot be brought back gives another order, which is noticed and said by its name."""

    def made() -> Feed:
        sampler = ForgetsItsOrder()
        return make_feed(DataLoader(Augmented(), batch_size=4, sampler=sampler, collate_fn=mixed), None)

    feed = made()
    list(feed.batches(1))
    batches = feed.batches(2)
    next(batches)
    (said,) = made().rewind(feed.state_dict(2, 1, within=True), capture_rng(), lambda: True)

    assert said == "The sampler (ForgetsItsOrder) gave another order than before."


def test_data_that_has_become_shorter_is_said() -> None:
    """A position past the end of the data is told with both numbers."""
    feed = make_feed(loader(), None)
    list(feed.batches(1))
    saved = feed.state_dict(1, 6, within=True)
    fewer = make_feed(DataLoader(Augmented(), batch_size=8, shuffle=True, collate_fn=mixed), None)
    (said,) = fewer.rewind(saved, capture_rng(), lambda: True)

    assert said == "The data ends after 3 batches; 6 had been taken of it."


class Everlasting(DataLoader):
    """A loader that iterates in its own way."""

    def __iter__(self) -> Any:
        return iter([1, 2, 3])


def test_loaders_that_iterate_in_their_own_way_are_left_to_it() -> None:
    """A DataLoader whose class overrides how it iterates is read as it is, not copied."""
    feed = make_feed(Everlasting(Augmented()), 3)

    assert not isinstance(feed, IndexedFeed)
    assert list(feed.batches(1)) == [1, 2, 3]


def test_reading_again_can_be_broken_off() -> None:
    """A stop that comes while batches are read again is obeyed at the next batch."""
    feed = make_feed([[torch.ones(1)]] * 10, None)
    list(feed.batches(1))
    answers = iter([True, True])

    assert feed.rewind(feed.state_dict(1, 9, within=True), capture_rng(), lambda: next(answers, False)) == []
    assert len(list(feed.batches(1))) == 8


def test_a_loader_that_gives_nothing_after_an_epochs_end_is_begun_again() -> None:
    """A loader that takes the state of an epoch's end for an empty epoch still gives the next one."""

    class Stale:
        def __init__(self) -> None:
            self.done = False

        def __iter__(self) -> Iterator[int]:
            ended, self.done = self.done, False
            if not ended:
                yield from (1, 2)
                self.done = True

        def state_dict(self) -> dict[str, bool]:
            return {"done": self.done}

        def load_state_dict(self, state: dict[str, bool]) -> None:
            self.done = state["done"]

    feed = make_feed(Stale(), None)
    assert list(feed.batches(1)) == [1, 2]
    saved = feed.state_dict(1, 2, within=False)
    again = make_feed(Stale(), None)
    again.rewind(saved, capture_rng(), lambda: True)

    assert list(again.batches(2)) == [1, 2]
