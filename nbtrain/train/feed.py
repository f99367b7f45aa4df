"""The feed: a run's training batches, epoch by epoch, from any position a checkpoint has noted.

The loop asks for the batches of an epoch; a checkpoint asks where that stands. How a position is found again
depends on what the loader is:

    index  a DataLoader over data that can be indexed: the sampler begins behind the batches that were taken
    own    a loader with `state_dict` and `load_state_dict`: it says and finds its position itself
    read   anything else that can be iterated: read again from the epoch's start and thrown away, which takes
           as long as reading takes

In each case the generators are first put back to where the epoch began, so that the order comes out the same,
and then to where they were at the checkpoint.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, MapDataPipe

from nbtrain import units
from nbtrain.errors import UserError
from nbtrain.running.workers import iterate
from nbtrain.runs.generators import find_generators, put_states, states_of
from nbtrain.runs.plain import for_torch
from nbtrain.runs.rng import capture_rng, restore_rng
from nbtrain.train.counted import counted_copy

_PLAIN = (bool, int, float, str, type(None))
SLOW_S = 1.0  # reading again that takes longer is said


class Feed:
    """The training batches of one run.

    Args:
        loader: the person's. seed: see `nbtrain.train.counted.counted_copy`; only indexed data can be seeded.
    """

    kind = "read"

    def __init__(self, loader: Iterable[Any], seed: int | None = None) -> None:
        self.loader, self.seed = loader, seed
        self._at_first, self._moved = _counters(loader), set[Any]()
        self._start: dict[str, Any] = {}
        self._ready: tuple[int, Iterator[Any]] | None = None  # epoch and batches that were found again

    def batches(self, epoch: int) -> Iterator[Any]:
        """Return the batches of an epoch; of one that was found again, those that are left."""
        ready, self._ready = self._ready, None
        if ready is not None and ready[0] == epoch:
            return ready[1]
        self._start = self._generators()
        return self._begin(epoch)

    def state_dict(self, epoch: int, batches: int, *, within: bool) -> dict[str, Any]:
        """Return the position as plain data.

        Args:
            epoch: 1-based. batches: taken of it so far. within: False when the epoch is over.
        """
        now = self._that_moved(self._carried())
        position: dict[str, Any] = {
            "kind": self.kind, "seed": self.seed, "epoch": epoch, "batches": batches if within else 0,
            "within": within, "now": now, **self._place(batches, within=within),
        }  # fmt: skip
        if within:
            start = self._start
            position["start"] = {"rng": start["rng"], "carried": self._that_moved(start["carried"])}
        return position

    def rewind(
        self, saved: Mapping[str, Any], now: Mapping[str, Any], go_on: Callable[[], bool]
    ) -> list[str]:
        """Find a position again, and put every generator where it was there.

        Args:
            saved: from `state_dict`. now: `capture_rng` of that moment. go_on: asked between batches that
                are read again; False breaks it off.

        Returns:
            What could not be found again, as sentences; empty when all was.
        """
        missing: list[str] = []
        self._warm_up(saved)
        if saved["within"]:
            self._start = dict(saved["start"])
            restore_rng(self._start["rng"])
            missing += self._put_carried(self._start["carried"])
            found, more = self._found(saved, go_on)
            self._ready = saved["epoch"], found
            missing += more
        else:
            self._over(saved)
        missing += self._put_carried(saved["now"])
        return missing + restore_rng(dict(now))

    def _warm_up(self, saved: Mapping[str, Any]) -> None:
        """What has to be there before the generators are put back."""

    def _begin(self, epoch: int) -> Iterator[Any]:
        return iterate(self.loader)

    def _place(self, batches: int, *, within: bool) -> dict[str, Any]:
        """What more a position is made of."""
        inner = _stateful_data(self.loader)
        return {"data": _as_plain(inner)} if inner is not None else {}

    def _found(self, saved: Mapping[str, Any], go_on: Callable[[], bool]) -> tuple[Iterator[Any], list[str]]:
        inner = _stateful_data(self.loader)
        if inner is not None and saved.get("data") is not None:
            inner.load_state_dict(saved["data"])
            return self._begin(saved["epoch"]), []
        began, items = time.monotonic(), self._begin(saved["epoch"])
        taken = sum(1 for _ in _first(items, saved["batches"], go_on))
        missing = [] if taken == saved["batches"] or not go_on() else [_shorter(taken, saved["batches"])]
        took = time.monotonic() - began
        if took > SLOW_S:
            read = units.counted(taken, "batch was", "batches were")
            self.remark = (
                f"{read} read again and thrown away to find the position "
                f"({units.seconds(took)}): a {type(self.loader).__name__} cannot begin in the middle."
            )
        return items, missing

    remark = ""  # what finding the position took, when that is worth a word

    def _over(self, saved: Mapping[str, Any]) -> None:
        """Stand at the end of an epoch."""
        inner = _stateful_data(self.loader)
        if inner is not None and saved.get("data") is not None:
            inner.load_state_dict(saved["data"])

    def _generators(self) -> dict[str, Any]:
        """Everything random at this moment, and the counters that samplers and data sets keep."""
        return {"rng": capture_rng(), "carried": self._carried()}

    def _carried(self) -> dict[str, Any]:
        counters = _counters(self.loader)
        for key, value in counters.items():
            if key not in self._at_first or self._at_first[key] != value:
                self._moved.add(key)
        return {"generators": states_of(find_generators(self.loader)), "counters": counters}

    def _that_moved(self, carried: dict[str, Any]) -> dict[str, Any]:
        """Leave out the numbers that never change: they are settings, which may be other ones next time."""
        counters = {key: value for key, value in carried["counters"].items() if key in self._moved}
        return {**carried, "counters": counters}

    def _put_carried(self, carried: Mapping[str, Any]) -> list[str]:
        owners = _owners(self.loader)
        for (place, name), value in carried["counters"].items():
            self._moved.add((place, name))
            if place in owners:
                vars(owners[place])[name] = value
        lost = put_states(find_generators(self.loader), carried["generators"])
        return [f"The loader carries no generator at `{way}` any more." for way in lost]


class IndexedFeed(Feed):
    """A DataLoader over data that can be indexed."""

    kind = "index"

    def __init__(self, loader: DataLoader, seed: int | None = None) -> None:
        super().__init__(loader, seed)
        self._twin, self._sampler = counted_copy(loader, seed)
        self._had_workers = False

    def _warm_up(self, saved: Mapping[str, Any]) -> None:
        """Start persistent workers that were there already: starting draws, using them again does not."""
        if saved.get("had_workers") and self._twin.persistent_workers:
            iterate(self._twin)

    def _begin(self, epoch: int, skip: int = 0) -> Iterator[Any]:
        self._had_workers = self._twin._iterator is not None
        self._sampler.epoch, self._sampler.skip = epoch, skip
        return iterate(self._twin)

    def _place(self, batches: int, *, within: bool) -> dict[str, Any]:
        counted = self._sampler.newest
        return {
            "order": counted.order(batches) if counted is not None else None,
            "had_workers": self._had_workers if within else self._twin._iterator is not None,
        }

    def _found(self, saved: Mapping[str, Any], go_on: Callable[[], bool]) -> tuple[Iterator[Any], list[str]]:
        items = self._begin(saved["epoch"], skip=saved["batches"])
        counted = self._sampler.newest
        taken = counted.pass_over()
        if taken < saved["batches"]:
            return items, [_shorter(taken, saved["batches"])]
        if saved.get("order") is not None and counted.order(saved["batches"]) != saved["order"]:
            sampler = type(getattr(self._sampler.inner, "sampler", self._sampler.inner)).__name__
            return items, [f"The sampler ({sampler}) gave another order than before."]
        return items, []

    def _over(self, saved: Mapping[str, Any]) -> None:
        """Nothing: the next epoch begins anew."""


class OwnFeed(Feed):
    """A loader that keeps its position itself."""

    kind = "own"

    def _place(self, batches: int, *, within: bool) -> dict[str, Any]:
        return {"loader": _as_plain(self.loader)}

    def _found(self, saved: Mapping[str, Any], go_on: Callable[[], bool]) -> tuple[Iterator[Any], list[str]]:
        if saved.get("loader") is None:
            return super()._found(saved, go_on)
        self.loader.load_state_dict(saved["loader"])
        return self._begin(saved["epoch"]), []

    def _over(self, saved: Mapping[str, Any]) -> None:
        """Load the state of an epoch's end.

        Some loaders then give an empty epoch first (torchdata did): an empty one is begun once more.
        """
        if saved.get("loader") is None:
            return
        self.loader.load_state_dict(saved["loader"])
        following = saved["epoch"] + 1
        self._ready = following, self._not_empty(following)

    def _not_empty(self, epoch: int) -> Iterator[Any]:
        self._start = self._generators()
        given = False
        for batch in self._begin(epoch):
            given = True
            yield batch
        if not given:
            yield from self._begin(epoch)


def make_feed(loader: Iterable[Any], seed: int | None) -> Feed:
    """Return the feed for a loader."""
    if _keeps_state(loader):
        return OwnFeed(loader)
    return IndexedFeed(loader, seed) if is_indexed(loader) else Feed(loader)


def choose_data_seed(loader: Any, seed: int | None) -> int | None:
    """Return what the draws of a run's training data are seeded from, or None to leave them as by hand.

    With a seed of the person's they come from (seed, epoch, batch), whatever the number of workers. Without
    one a loader without workers draws from the generators of the process, as in a loop by hand, and a
    checkpoint keeps their states. Workers have generators of their own that nobody can ask, so they get a
    seed that follows from where torch's generator stands: `torch.manual_seed` in the notebook repeats a run.
    """
    if not is_indexed(loader):
        return None
    if seed is None and loader.num_workers:
        state = torch.get_rng_state().numpy().tobytes()  # looked at, not drawn from
        return int.from_bytes(hashlib.blake2b(state, digest_size=6).digest(), "little")
    return seed


def is_indexed(loader: Any) -> bool:
    """Say whether a loader is torch's, iterates as torch's does, and gives data by index."""
    return (
        isinstance(loader, DataLoader)
        and not _keeps_state(loader)
        and not isinstance(loader.dataset, (IterableDataset, MapDataPipe))
        and type(loader).__iter__ is DataLoader.__iter__
        and type(loader)._get_iterator is DataLoader._get_iterator
        and type(loader)._index_sampler is DataLoader._index_sampler
    )


def _keeps_state(thing: Any) -> bool:
    return all(callable(getattr(thing, name, None)) for name in ("state_dict", "load_state_dict"))


def _stateful_data(loader: Any) -> Any:
    """An IterableDataset that keeps its position, where it is read in this process."""
    data = getattr(loader, "dataset", None)
    here = isinstance(loader, DataLoader) and not loader.num_workers and isinstance(data, IterableDataset)
    return data if here and _keeps_state(data) else None


def _as_plain(thing: Any) -> Any:
    """The state of a person's loader; None where it is no plain data, and has to be read again instead."""
    try:
        return for_torch(thing.state_dict())
    except UserError:
        return None


def _first(items: Iterator[Any], count: int, go_on: Callable[[], bool]) -> Iterator[Any]:
    for _ in range(count):
        if not go_on():
            return
        try:
            yield next(items)
        except StopIteration:
            return


def _shorter(taken: int, wanted: int) -> str:
    ends = units.counted(taken, "batch", "batches")
    return f"The data ends after {ends}; {units.count(wanted)} had been taken of it."


def _owners(loader: Any) -> dict[str, Any]:
    """The objects around a loader that may count epochs or calls; those of torch count nothing."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    owners = {
        "loader": loader, "sampler": getattr(loader, "sampler", None), "batch_sampler": batch_sampler,
        "inner_sampler": getattr(batch_sampler, "sampler", None), "dataset": getattr(loader, "dataset", None),
    }  # fmt: skip
    return {
        place: owner for place, owner in owners.items() if hasattr(owner, "__dict__") and not _of_torch(owner)
    }


def _of_torch(owner: Any) -> bool:
    module = type(owner).__module__
    return module.startswith("torch.") and not module.endswith("distributed")  # its sampler counts epochs


def _counters(loader: Any) -> dict[tuple[str, str], Any]:
    """Numbers, texts and flags that the objects around a loader hold, by (object, attribute)."""
    return {
        (place, name): value
        for place, owner in _owners(loader).items()
        for name, value in vars(owner).items()
        if type(value) in _PLAIN
    }
