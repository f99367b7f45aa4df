"""The train and validation loss of a log that names none so: the sum of its parts, or the one error it has.

Detectors log `train/box_loss` and `train/cls_loss`, flows `train_nll`. It is looked for only where no column
is called a loss of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nbtrain.diagnose.aims import why_no_aim
from nbtrain.diagnose.columns import canonical, side_of, words_of

_ERRORS = ("nll", "logloss", "bce", "ce", "xent", "mse", "rmse", "mae")  # in this order; all should fall


@dataclass(frozen=True)
class Total:
    """One loss: its name in metrics.json, and the columns whose sum it is."""

    name: str
    parts: tuple[str, ...]

    def of(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """Return the sum by row, (n,); NaN where a part is absent."""
        return np.sum([columns[name] for name in self.parts], axis=0)

    def __str__(self) -> str:
        return f"{self.name} is {' + '.join(self.parts)}"


def totals(names: Iterable[str]) -> tuple[Total, ...]:
    """Return the losses that columns of these names make up; none where one is called a loss itself, or where
    the losses are those of adversaries or of reinforcement learning.
    """
    names = list(names)
    if {"train_loss", "val_loss"} & {canonical(name) for name in names} or why_no_aim(names):
        return ()
    parts = [name for name in names if words_of(name)[-1:] == ["loss"] and side_of(name)]
    if parts:
        return _by_side(parts)
    for error in _ERRORS:
        found = [
            name for name in names if [word for word in words_of(name) if word != side_word(name)] == [error]
        ]
        if found:
            return _by_side(found)
    return ()


def side_word(name: str) -> str:
    """Return the word of a name that says training or validation, or ""."""
    return next((word for word in words_of(name) if side_of(word)), "")


def _by_side(names: list[str]) -> tuple[Total, ...]:
    sides: dict[str, list[str]] = {}
    for name in names:
        sides.setdefault(side_of(name) or "train", []).append(name)
    return tuple(Total(f"{side}_loss", tuple(found)) for side, found in sides.items())
