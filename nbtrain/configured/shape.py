"""What a model must know of the data: the shape of a sample, how many classes or tokens there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from nbtrain.errors import UsageError
from nbtrain.notebook.rng import preserved_rng
from nbtrain.notebook.sample import owners_of, sample_batch

MOST_BATCHES = 2_000  # looked at to count the classes of data that does not tell them


@dataclass(frozen=True)
class DataShape:
    """What is known of the data.

    Attributes:
        sample: shape of one input without the batch. tokens: inputs are whole numbers: ids of tokens.
        vocabulary: number of ids, 0 where they are no tokens. outputs: classes, or numbers predicted.
        classes: the target is a class. per_token: there is a target at each position.
    """

    sample: tuple[int, ...]
    tokens: bool = False
    vocabulary: int = 0
    outputs: int = 1
    classes: bool = False
    per_token: bool = False


def shape_of(loader: Any) -> DataShape:
    """Return the shape of a loader's data: asked of its data set, else seen in its batches.

    Raises:
        UsageError: its batches are not (input, target).
    """
    known = getattr(_innermost(loader), "shape", None)
    if isinstance(known, DataShape):
        return known
    batch = sample_batch(loader)
    if not (
        isinstance(batch, (list, tuple)) and len(batch) >= 2 and all(isinstance(p, Tensor) for p in batch[:2])
    ):
        raise UsageError(
            f"A built-in architecture takes batches of (input, target), and the data gives "
            f"{type(batch).__name__}.",
            suggestion="Use an architecture of your own: a variable of the notebook, or pkg.module:factory.",
        )
    inputs, target = batch[0], batch[1]
    tokens = not inputs.is_floating_point()
    whole = not target.is_floating_point()
    per_token = whole and tokens and target.shape == inputs.shape
    largest = _largest(loader) if whole or tokens else (0, 0)
    outputs = largest[1] + 1 if whole else int(target[0].numel()) if target.dim() > 1 else 1
    return DataShape(
        tuple(inputs.shape[1:]), tokens, max(largest) + 1 if per_token else largest[0] + 1 if tokens else 0,
        outputs, whole, per_token,
    )  # fmt: skip


def _innermost(loader: Any) -> Any:
    dataset = getattr(loader, "dataset", None)
    while hasattr(dataset, "dataset"):
        dataset = dataset.dataset
    return dataset


def _largest(loader: Iterable[Any]) -> tuple[int, int]:
    """Return the largest id of the inputs (0 for no tokens) and the largest class."""
    dataset = _innermost(loader)
    tensors = getattr(dataset, "tensors", None)
    if isinstance(tensors, tuple) and len(tensors) >= 2:
        return _top(tensors[0]), _top(tensors[1])
    with preserved_rng(*owners_of(loader)):
        tops = [(_top(batch[0]), _top(batch[1])) for batch in islice(iter(loader), MOST_BATCHES)]
    return max(one for one, _ in tops), max(one for _, one in tops)


def _top(tensor: Tensor) -> int:
    return 0 if tensor.is_floating_point() or not tensor.numel() else int(torch.max(tensor))
