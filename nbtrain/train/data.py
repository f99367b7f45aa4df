"""Sizes of a person's loaders, and the split that puts part of the training data aside for validation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler, Subset

from nbtrain import units
from nbtrain.errors import UsageError

SPLIT_SEED = 42  # a split without a seed of the person's own is still the same each time


def batches_of(loader: Any) -> int | None:
    """Return the number of batches, None when the loader cannot tell."""
    try:
        return len(loader)
    except (TypeError, NotImplementedError):
        return None


def samples_of(loader: Any) -> int | None:
    """Return the number of samples a pass gives, None when the loader cannot tell."""
    sampler = getattr(loader, "sampler", None)
    for source in (sampler, getattr(loader, "dataset", None)):
        try:
            return len(source)
        except (TypeError, NotImplementedError):
            continue
    return None


def split_loader(loader: Any, fraction: float, seed: int | None) -> tuple[Iterable[Any], Iterable[Any]]:
    """Put `fraction` of the data aside for validation.

    A DataLoader over a map-style data set becomes two with its settings (the second never shuffles); a list
    of batches is cut. The same seed gives the same split.

    Raises:
        UsageError: the data cannot be indexed, or has its own sampler.
    """
    if isinstance(loader, (list, tuple)):
        held = max(1, round(len(loader) * fraction))
        if held >= len(loader):
            raise UsageError(
                f"A list of {units.counted(len(loader), 'batch', 'batches')} cannot be split.",
                suggestion="Give validation data with --val NAME.",
            )
        return loader[:-held], loader[-held:]
    if not _is_plain(loader):
        raise UsageError(
            f"The training data is a {type(loader).__name__} that cannot be split by index.",
            suggestion="Split the data set yourself and give the second part with --val NAME.",
        )
    total = len(loader.dataset)
    held = round(total * fraction)
    if not 0 < held < total:
        raise UsageError(
            f"split={fraction} of {total} samples leaves one side empty.",
            suggestion="Choose another fraction.",
        )
    order = torch.randperm(
        total, generator=torch.Generator().manual_seed(SPLIT_SEED if seed is None else seed)
    ).tolist()
    shuffled = isinstance(loader.sampler, RandomSampler)
    train, val = Subset(loader.dataset, sorted(order[held:])), Subset(loader.dataset, sorted(order[:held]))
    train_loader = _like(loader, train, shuffle=shuffled, drop_last=loader.drop_last)
    return train_loader, _like(loader, val, shuffle=False, drop_last=False)


def like_loader(loader: Any, batch_size: int) -> DataLoader | None:
    """Return a loader like this one with another batch size; None where it is not a plain one."""
    if not _is_plain(loader):
        return None
    shuffled = isinstance(loader.sampler, RandomSampler)
    return _like(loader, loader.dataset, shuffle=shuffled, drop_last=loader.drop_last, batch_size=batch_size)


def _is_plain(loader: Any) -> bool:
    """Say whether a loader does nothing but batch an indexable data set, in order or shuffled."""
    sampler = getattr(loader, "sampler", None)
    return bool(
        isinstance(loader, DataLoader)
        and isinstance(sampler, (RandomSampler, SequentialSampler))
        and not getattr(sampler, "replacement", False)
        and len(sampler) == len(loader.dataset)  # an IterableDataset has another sampler, and no length
        and loader.batch_size
        and hasattr(loader.dataset, "__getitem__")
    )


def _like(
    loader: DataLoader, dataset: Any, *, shuffle: bool, drop_last: bool, batch_size: int | None = None
) -> DataLoader:
    return DataLoader(
        dataset,
        batch_size=batch_size or loader.batch_size,
        shuffle=shuffle,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        drop_last=drop_last,
        worker_init_fn=loader.worker_init_fn,
        persistent_workers=loader.persistent_workers,
        prefetch_factor=loader.prefetch_factor,
        timeout=loader.timeout,
        generator=loader.generator,
        multiprocessing_context=loader.multiprocessing_context,
    )
