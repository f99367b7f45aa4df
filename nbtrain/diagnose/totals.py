"""The train and validation loss of a log that names none so: the sum of its parts, or the one error it has.

Detectors log `train/box_loss` and `train/cls_loss`, flows `train_nll`. It is looked for only where no column
is called a loss of the whole. A part that is added with a weight of its own (`train_kl_loss`) is left out:
its weight is in no log, and the part may be a million times the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nbtrain.diagnose.aims import why_no_aim
from nbtrain.diagnose.columns import canonical, side_of, telling_words, words_of

_ERRORS = ("nll", "logloss", "bce", "ce", "xent", "mse", "rmse", "mae")  # in this order; all should fall
_WHOLE = {"total", "overall", "full", "sum"}
_WEIGHTED = {"kl", "kld", "reg", "aux", "penalty", "commit", "commitment", "entropy"}


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
    whole = _by_side(name for name in names if _is_whole(name))
    parts = _by_side(name for name in names if words_of(name)[-1:] == ["loss"] and _is_part(name))
    if whole or parts:
        return _totals(_chosen(whole, parts))
    for error in _ERRORS:
        found = [
            name for name in names if [word for word in words_of(name) if word != side_word(name)] == [error]
        ]
        if found:
            sides: dict[str, list[str]] = {}
            for name in found:
                sides.setdefault(side_of(name) or "train", []).append(name)
            return _totals(sides)
    return ()


def side_word(name: str) -> str:
    """Return the word of a name that says training or validation, or ""."""
    return next((word for word in words_of(name) if side_of(word)), "")


def _is_whole(name: str) -> bool:
    told = telling_words(name)
    return len(told) == 2 and "loss" in told and not _WHOLE.isdisjoint(told)


def _is_part(name: str) -> bool:
    return not _is_whole(name) and _WEIGHTED.isdisjoint(words_of(name))


def _by_side(names: Iterable[str]) -> dict[str, list[str]]:
    sides: dict[str, list[str]] = {}
    for name in names:
        if side := side_of(name):
            sides.setdefault(side, []).append(name)
    return sides


def _chosen(whole: dict[str, list[str]], parts: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return side -> columns whose sums may be compared: the wholes, else the parts that both sides have."""
    one = {side: found[:1] for side, found in whole.items()}
    if len(whole) == 2 or len(parts) < 2:
        return one or parts
    return _shared(parts) or one or {"train": parts["train"]}


def _shared(parts: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the parts that both sides have; none where they share none."""
    kinds = [{tuple(telling_words(name)) for name in found} for found in parts.values()]
    shared = kinds[0] & kinds[1]
    return {
        side: [name for name in found if tuple(telling_words(name)) in shared]
        for side, found in parts.items()
        if shared
    }


def _totals(sides: dict[str, list[str]]) -> tuple[Total, ...]:
    return tuple(Total(f"{side}_loss", tuple(found)) for side, found in sides.items())
