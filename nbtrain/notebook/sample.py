"""One batch of a loader, looked at without disturbing anything.

No worker starts, no sampler draws, no generator moves. What can only be read once is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from torch.utils.data import BatchSampler, DataLoader, IterableDataset, SubsetRandomSampler

from nbtrain.errors import CannotLook, UsageError
from nbtrain.notebook.batch import BatchLayout, BatchPart, batch_parts
from nbtrain.notebook.rng import preserved_rng

__all__ = ["BatchLayout", "BatchPart", "CannotLook", "batch_parts", "preserved_rng", "sample_batch"]


def sample_batch(loader: Any, *, limit: int | None = None) -> Any:
    """Return one batch as the loader would give it; the loader and every random generator stay as they were.

    A DataLoader over indexable data: the first samples of its data set through its own collate function, in
    this process, without workers. A list of batches: the first. Anything else that can be iterated again: the
    first item.

    Args:
        limit: at most this many samples; None takes the loader's batch size.

    Raises:
        CannotLook: the data can be read only once, so that looking would take a batch away from training.
        UsageError: there is nothing in it. What the person's own data set raises comes through as it is.
    """
    if isinstance(loader, DataLoader):
        with preserved_rng(*owners_of(loader)):
            return _from_dataloader(loader, limit)
    if isinstance(loader, (list, tuple)):
        if not loader:
            raise _nothing("an empty list")
        return loader[0]
    with preserved_rng(*owners_of(loader)):
        return _first(loader, what=f"a {type(loader).__name__}")


def _from_dataloader(loader: DataLoader, limit: int | None) -> Any:
    dataset = loader.dataset
    if isinstance(dataset, IterableDataset):
        return _from_iterable(loader, limit)
    if loader.batch_sampler is None:
        return _unbatched(loader)
    size = loader.batch_size or getattr(loader.batch_sampler, "batch_size", None) or 1
    size = size if limit is None else min(size, limit)
    indices = _first_indices(loader, size)
    if not indices:
        raise _nothing("a DataLoader over 0 samples")
    try:
        items = _fetch(dataset, indices)
    except Exception as error:
        if knows_indices(loader):
            raise
        sampler = type(loader.sampler).__name__
        raise CannotLook(
            f"The loader's own sampler ({sampler}) decides how its data set is indexed: it is not asked.",
            suggestion="The first batch will be seen when training starts.",
        ) from error
    return loader.collate_fn(items)


def _from_iterable(loader: DataLoader, limit: int | None) -> Any:
    dataset = loader.dataset
    if loader.batch_size is None:
        return loader.collate_fn(_first(dataset, what="an IterableDataset"))
    size = loader.batch_size if limit is None else min(loader.batch_size, limit)
    with fresh_iterator(dataset, what="an IterableDataset") as items:
        taken = list(islice(items, size))
    if not taken:
        raise _nothing("a DataLoader whose data set yields nothing")
    return loader.collate_fn(taken)


def _unbatched(loader: DataLoader) -> Any:
    """`batch_size=None`: the sampler's items index the data set directly, one of them a batch."""
    if isinstance(loader.sampler, BatchSampler):
        return loader.collate_fn(loader.dataset[list(range(loader.sampler.batch_size))])
    return loader.collate_fn(loader.dataset[0])


def _first_indices(loader: DataLoader, size: int) -> list[int]:
    sampler = sampler_of(loader)
    if isinstance(sampler, SubsetRandomSampler):
        return list(sampler.indices[:size])
    try:
        return list(range(min(size, len(loader.dataset))))
    except (TypeError, NotImplementedError):
        return list(range(size))


def knows_indices(loader: DataLoader) -> bool:
    """Say whether the sampler is torch's own, so that 0, 1, 2... are indices of the data set for sure."""
    return type(sampler_of(loader)).__module__.startswith("torch.utils.data")


def sampler_of(loader: DataLoader) -> Any:
    """Return what orders the samples: the sampler inside the batch sampler where there is one."""
    return getattr(loader.batch_sampler, "sampler", loader.sampler)


def _fetch(dataset: Any, indices: list[int]) -> Any:
    many = getattr(dataset, "__getitems__", None)  # the batched fetch torch itself prefers
    return many(indices) if callable(many) else [dataset[index] for index in indices]


def _first(data: Any, *, what: str) -> Any:
    with fresh_iterator(data, what=what) as items:
        for item in items:
            return item
    raise _nothing(f"{what} that yields nothing")


def _nothing(what: str) -> UsageError:
    return UsageError(
        f"The data is {what}: there is no batch to look at.",
        suggestion="Check the cell that makes it: its length should be at least 1.",
    )


def _once(what: str) -> CannotLook:
    return CannotLook(
        f"The data is {what} that can be read only once: a look at a batch would take it away from training.",
        suggestion="Make it a list or a DataLoader to see a batch before the run.",
    )


@contextmanager
def fresh_iterator(data: Any, *, what: str) -> Iterator[Iterator[Any]]:
    """Give an iterator over data that can be read again, and put back what its `__iter__` counts.

    Raises:
        CannotLook: there is one iterator for all: what is taken from it is gone.
    """
    if callable(getattr(type(data), "__next__", None)):
        raise _once(what)
    before = _plain_state(data)
    items = iter(data)
    if iter(data) is items:
        _put_back(data, before)
        raise _once(what)
    try:
        yield items
    finally:
        close = getattr(items, "close", None)
        if callable(close):
            close()
        _put_back(data, before)


def _plain_state(data: Any) -> dict[str, Any] | None:
    """Numbers, texts and flags an object keeps: an epoch counter that `__iter__` moves is put back."""
    try:
        state = object.__getattribute__(data, "__dict__")
    except AttributeError:
        return None
    return {key: value for key, value in state.items() if isinstance(value, (int, float, str, type(None)))}


def _put_back(data: Any, before: dict[str, Any] | None) -> None:
    if before:
        object.__getattribute__(data, "__dict__").update(before)


def owners_of(loader: Any) -> list[Any]:
    """What may carry generators around a loader: itself, samplers, data sets within data sets, transforms."""
    owners = [loader, getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)]
    owners += [getattr(owner, "sampler", None) for owner in owners[2:]]
    dataset = getattr(loader, "dataset", None)
    for _ in range(8):  # Subset of Subset of ...: deeper nesting is not seen in notebooks
        if dataset is None:
            break
        owners.append(dataset)
        owners += [getattr(dataset, name, None) for name in ("transform", "target_transform", "transforms")]
        dataset = getattr(dataset, "dataset", None)
    return [owner for owner in owners if owner is not None]
