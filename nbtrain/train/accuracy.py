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

KEPT = 16  # batches kept before they are judged together: an operation costs a small step more than its work
KEPT_NUMEL = 65_536  # larger outputs are judged at once, so that little memory is held


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
        judged = target != ignore_index  # an ignored class may well be predicted: that is no hit
        return (logits_of(output).argmax(1) == target) & judged, judged

    return hits


def _binary(threshold: float) -> Hits:
    def hits(output: Any, target: Tensor) -> tuple[Tensor, None]:
        return (logits_of(output) > threshold) == (target > 0.5), None

    return hits


class Tally:
    """Hits and judged positions, summed on the device and read when they are taken.

    Small outputs are kept for a while and judged together. One that was written to meanwhile (a loader that
    fills the same tensors again and again) is left out, and from then on each is judged at once.

    Args:
        hits: judges a batch (see `find_accuracy`). at_once: keep nothing.
    """

    def __init__(self, hits: Hits, *, at_once: bool = False) -> None:
        self._hits = hits
        self._kept: list[tuple[Tensor, Tensor, int, int]] = []
        self._at_once = at_once
        self._right: Tensor | int = 0
        self._judged: Tensor | int = 0

    def add(self, output: Any, target: Tensor) -> None:
        """Judge a batch, at once or soon."""
        logits = logits_of(output).detach()
        if self._at_once or logits.numel() > KEPT_NUMEL or logits.is_inference():
            self._judge(logits, target)
            return
        self._kept.append((logits, target, logits._version, target._version))
        if len(self._kept) >= KEPT:
            self._judge_kept()

    def _judge_kept(self) -> None:
        kept, self._kept = self._kept, []
        whole = [
            (logits, target)
            for logits, target, version, target_version in kept
            if logits._version == version and target._version == target_version
        ]
        self._at_once = self._at_once or len(whole) < len(kept)
        if whole and all(logits.shape[1:] == whole[0][0].shape[1:] for logits, _ in whole):
            logits, target = zip(*whole, strict=True)
            self._judge(torch.cat(logits), torch.cat(target))
        else:  # sequences of several lengths
            for logits, target in whole:
                self._judge(logits, target)

    def _judge(self, logits: Tensor, target: Tensor) -> None:
        right, judged = self._hits(logits, target)
        self._right = self._right + right.sum()
        self._judged = self._judged + (right.numel() if judged is None else judged.sum())

    def take(self) -> float:
        """Return the share of hits, 0..1, and start anew; NaN when nothing was judged."""
        self._judge_kept()
        right, judged = self._right, self._judged
        self._right = self._judged = 0
        if isinstance(right, Tensor) and isinstance(judged, Tensor):
            right, judged = torch.stack((right, judged)).tolist()  # device sync: once an epoch or evaluation
        return float(right) / judged if judged else math.nan  # device sync: as above, where `judged` is known
