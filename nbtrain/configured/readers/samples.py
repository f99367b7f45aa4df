"""Samples in memory with what a model must know of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import TensorDataset

from nbtrain.configured.shape import DataShape
from nbtrain.errors import InvalidConfig


class Samples(TensorDataset):
    """Inputs and targets as tensors.

    Attributes:
        shape: what a model must know. labels: the words of the classes, by their number; () where they are
        none.
    """

    def __init__(
        self, inputs: torch.Tensor, target: torch.Tensor, shape: DataShape, labels: Sequence[Any] = ()
    ) -> None:
        super().__init__(inputs, target)
        self.shape, self.labels = shape, tuple(labels)


def numbered(words: Sequence[Any], like: Any, where: str) -> tuple[torch.Tensor, tuple[Any, ...]]:
    """Return class numbers for words, and the words in the order of their numbers.

    Args:
        like: the training data, whose classes count; None for the training data itself.

    Raises:
        InvalidConfig: a class that the training data does not have.
    """
    labels = tuple(sorted(set(words), key=str)) if like is None else like.labels
    number = {word: index for index, word in enumerate(labels)}
    new = [word for word in words if word not in number]
    if new:
        raise bad_data(
            where,
            f"classes of the training data ({', '.join(map(str, labels[:10]))})",
            f"`{new[0]}` is none of them.",
        )
    return torch.tensor([number[word] for word in words]), labels


def bad_data(where: str, expected: str, suggestion: str, **more: Any) -> InvalidConfig:
    """Return the error for data that cannot be used."""
    return InvalidConfig(
        f"{where}: expected is {expected}.", suggestion=suggestion, value=where, expected=expected, **more
    )
