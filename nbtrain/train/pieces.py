"""Parts of a batch: cut so that a step fits into memory and stays the same step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

CLOSE = 1e-3  # relative: what autocast makes of one sum in two orders


class Piece(NamedTuple):
    """A part of a batch.

    Attributes:
        batch: of the same form as the whole. divisor: what its loss is divided by, so that the losses of all
            pieces of a step add up to that of the step.
    """

    batch: Any
    divisor: float


def whole(group: Sequence[Any]) -> list[Piece]:
    """Return the micro-batches of a step as they are."""
    count = len(group)
    return [Piece(batch, count) for batch in group]


def pieces_of(group: Sequence[Any], most: int, *, adds: str = "mean") -> list[Piece]:
    """Cut the micro-batches of a step.

    Args:
        group: the micro-batches. most: samples in a piece.
        adds: how the loss of a batch follows from those of its parts: "sum", else as a mean over samples.

    Returns:
        Pieces of equal size as far as that goes. A batch that cannot be cut, or is small enough, is one.
    """
    found = []
    for batch in group:
        samples = samples_in(batch)
        count = -(-samples // most) if samples else 1
        for part, size in cut(batch, count) if count > 1 else [(batch, samples)]:
            share = 1 if adds == "sum" or count <= 1 else samples / size
            found.append(Piece(part, len(group) * share))
    return found


def weighed(pieces: Sequence[Piece], counted: Callable[[Any], int]) -> list[Piece]:
    """Return the pieces so that their losses, each a mean over what it counts, add up to the mean over all.

    Args:
        counted: a batch -> how many it counts. A piece that counts none is left out; where all do, none is.
    """
    counts = [counted(piece.batch) for piece in pieces]
    total = sum(counts)
    if not total:
        return list(pieces)
    return [Piece(piece.batch, total / n) for piece, n in zip(pieces, counts, strict=True) if n]


def samples_in(batch: Any) -> int:
    """Return how many samples a batch holds; 0 where that cannot be told, and it cannot be cut."""
    if hasattr(batch, "to_data_list") and isinstance(getattr(batch, "num_graphs", None), int):
        return batch.num_graphs
    if isinstance(batch, Tensor):
        return batch.shape[0] if batch.dim() else 0
    if isinstance(batch, Mapping):  # beside the samples there may be weights of classes: the first decides
        return next((count for part in batch.values() for count in _counts(part)), 0)
    if isinstance(batch, (tuple, list)):
        said = [counts for part in batch if (counts := _counts(part))]
        return next((count for count in said[0] if all(count in one for one in said)), 0) if said else 0
    return 0


def _counts(part: Any) -> list[int]:
    """How many samples a part of a batch may hold, the likeliest first; empty where it says nothing.

    A list within a batch may have an entry a sample (images of different sizes) or be a group of inputs.
    """
    if isinstance(part, (tuple, list)) and part:
        return [count for count in (len(part), samples_in(part)) if count]
    return [count] if (count := samples_in(part)) else []


def cut(batch: Any, count: int) -> list[tuple[Any, int]]:
    """Cut a batch into `count` parts, the first ones larger by one; returns each with its samples.

    What does not have one entry a sample (a weight for each class, a number) is in each part.
    """
    samples = samples_in(batch)
    base, extra = divmod(samples, count)
    ends, parts, start = [base + (place < extra) for place in range(count)], [], 0
    for size in ends:
        if size:
            parts.append((_sliced(batch, samples, start, start + size), size))
        start += size
    return parts


def _sliced(part: Any, samples: int, start: int, end: int) -> Any:
    if hasattr(part, "to_data_list") and hasattr(type(part), "from_data_list"):  # a batch of graphs
        return type(part).from_data_list(part.to_data_list()[start:end])
    if isinstance(part, Tensor):
        return part[start:end] if part.dim() and part.shape[0] == samples else part
    if isinstance(part, Mapping):
        return {key: _sliced_part(value, samples, start, end) for key, value in part.items()}
    if isinstance(part, (tuple, list)):
        cut_parts = [_sliced_part(value, samples, start, end) for value in part]
        if hasattr(part, "_fields"):
            return type(part)(*cut_parts)
        return type(part)(cut_parts)
    return part


def _sliced_part(part: Any, samples: int, start: int, end: int) -> Any:
    """A list within a batch has one entry a sample: texts, boxes, images of different sizes."""
    if isinstance(part, (tuple, list)) and len(part) == samples:
        return part[start:end]
    return _sliced(part, samples, start, end)


@torch.no_grad()
def how_losses_add(loss_of: Callable[[Any], Tensor], batch: Any) -> str:
    """Find out, on two samples, how the loss of a batch follows from the losses of its parts.

    Args:
        loss_of: batch -> loss, in eval mode. batch: one batch.

    Returns:
        "mean" (over samples), "sum", or "other": a mean over tokens of which a sample has more or fewer, or a
        loss that compares samples with each other.
    """
    samples = samples_in(batch)
    if samples < 2:
        return "other"
    pair = _sliced(batch, samples, 0, 2)
    both, first, second = (
        float(loss_of(part)) for part in (pair, _sliced(pair, 2, 0, 1), _sliced(pair, 2, 1, 2))
    )
    room = CLOSE * max(abs(both), abs(first), abs(second), 1e-12)
    if abs(both - (first + second) / 2) <= room:
        return "mean"
    return "sum" if abs(both - (first + second)) <= room else "other"
