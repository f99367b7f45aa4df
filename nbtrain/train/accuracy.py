"""Accuracy that finds itself: when output and target look like classification, count hits on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.train.batch import logits_of

Hits = Callable[[Any, Any], tuple[Tensor, int]]


def find_accuracy(criterion: Any, output: Any, target: Any) -> Hits | None:
    """Return a function (output, target) -> (hits as a 0-d tensor, number judged), or None when it is no
    classification.

    Classes: `logits: (batch, classes, ...)` against an integer `target: (batch, ...)`; positions equal to
    the criterion's
    `ignore_index` (-100 by default, as in torch.nn.CrossEntropyLoss) are not judged. Binary: logits and
    target of one shape with a BCE criterion; above 0 (or 0.5 for nn.BCELoss) counts as 1.
    """
    logits = logits_of(output)
    if not isinstance(logits, Tensor) or not isinstance(target, Tensor) or not logits.is_floating_point():
        return None
    if isinstance(criterion, (nn.BCEWithLogitsLoss, nn.BCELoss)):
        return (
            _binary(0.5 if isinstance(criterion, nn.BCELoss) else 0.0)
            if logits.shape == target.shape
            else None
        )
    integer = not target.is_floating_point() and not target.is_complex() and target.dtype != torch.bool
    if not integer or logits.dim() != target.dim() + 1:
        return None
    if logits.shape[0] == target.shape[0] and logits.shape[2:] == target.shape[1:] and logits.shape[1] > 1:
        return _classes(getattr(criterion, "ignore_index", -100), whole=target.dim() == 1)
    return None


def _classes(ignore_index: int, *, whole: bool) -> Hits:
    def hits(output: Any, target: Tensor) -> tuple[Tensor, Any]:
        right = logits_of(output).detach().argmax(1) == target
        if whole:
            return right.sum(), target.shape[0]  # one label a sample: counting needs no look at the values
        return right.sum(), (target != ignore_index).sum()

    return hits


def _binary(threshold: float) -> Hits:
    def hits(output: Any, target: Tensor) -> tuple[Tensor, int]:
        return ((logits_of(output).detach() > threshold) == (target > 0.5)).sum(), target.numel()

    return hits
