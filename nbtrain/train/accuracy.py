"""Accuracy that finds itself: when output and target look like classification, count hits on the device."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.train.batch import logits_of

# (output, target) -> (hits, judged): bool tensors of one shape, one entry a position; `judged` None: all are
Hits = Callable[[Any, Any], tuple[Tensor, "Tensor | None"]]

KEPT = 16  # masks kept before they are summed: one sum for many costs a third of a sum each
KEPT_NUMEL = 65_536  # larger masks are summed at once, so that little memory is held


def find_accuracy(criterion: Any, output: Any, target: Any) -> Hits | None:
    """Return a function that judges outputs, or None when it is no classification.

    Classes: `logits: (batch, classes, ...)` against an integer `target: (batch, ...)`; positions equal to the
    criterion's `ignore_index` (-100 by default, as in torch.nn.CrossEntropyLoss) are not judged. Binary:
    logits and target of one shape with a BCE criterion; above 0 (or 0.5 for nn.BCELoss) counts as 1.
    """
    logits = logits_of(output)
    if not isinstance(logits, Tensor) or not isinstance(target, Tensor) or not logits.is_floating_point():
        return None
    if isinstance(criterion, (nn.BCEWithLogitsLoss, nn.BCELoss)):
        threshold = 0.5 if isinstance(criterion, nn.BCELoss) else 0.0
        return _binary(threshold) if logits.shape == target.shape else None
    integer = not target.is_floating_point() and not target.is_complex() and target.dtype != torch.bool
    if not integer or logits.dim() != target.dim() + 1:
        return None
    if logits.shape[0] == target.shape[0] and logits.shape[2:] == target.shape[1:] and logits.shape[1] > 1:
        return _classes(getattr(criterion, "ignore_index", -100))
    return None


def _classes(ignore_index: int) -> Hits:
    def hits(output: Any, target: Tensor) -> tuple[Tensor, Tensor]:
        return logits_of(output).argmax(1) == target, target != ignore_index

    return hits


def _binary(threshold: float) -> Hits:
    def hits(output: Any, target: Tensor) -> tuple[Tensor, None]:
        return (logits_of(output) > threshold) == (target > 0.5), None

    return hits


class Tally:
    """Hits and judged positions, summed on the device and read when they are taken.

    Args:
        hits: judges a batch (see `find_accuracy`).
    """

    def __init__(self, hits: Hits) -> None:
        self._hits = hits
        self._kept: list[tuple[Tensor, Tensor | None]] = []
        self._right: Tensor | int = 0
        self._judged: Tensor | int = 0

    def add(self, output: Any, target: Any) -> None:
        """Judge a batch."""
        right, judged = self._hits(output, target)
        self._kept.append((right, judged))
        if len(self._kept) >= KEPT or right.numel() > KEPT_NUMEL:
            self._sum_up()

    def _sum_up(self) -> None:
        kept, self._kept = self._kept, []
        if not kept:
            return
        self._right = self._right + _trues([right for right, _ in kept])
        if kept[0][1] is None:
            self._judged = self._judged + sum(right.numel() for right, _ in kept)
        else:
            self._judged = self._judged + _trues([judged for _, judged in kept])

    def take(self) -> float:
        """Return the share of hits, 0..1, and start anew; NaN when nothing was judged."""
        self._sum_up()
        right, judged = self._right, self._judged
        self._right = self._judged = 0
        judged = float(judged)  # device sync: once an epoch or evaluation
        return float(right) / judged if judged else math.nan


def _trues(masks: list[Tensor]) -> Tensor:
    if len(masks) == 1:
        return masks[0].sum()
    return torch.cat([mask.reshape(-1) for mask in masks]).sum()
