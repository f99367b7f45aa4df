"""Accuracy that finds itself: when output and target look like classification, count hits on the device."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbtrain.train.batch import logits_of, own_loss

# (output, target) -> (hits, judged): bool tensors of one shape, one entry a position; `judged` None: all are
Hits = Callable[[Any, Any], tuple[Tensor, "Tensor | None"]]

KEPT = 128  # batches kept before they are judged together: an operation costs a small step more than its work
KEPT_NUMEL = 262_144  # logits kept, 1 MB; a larger output is judged at once

_CLASS_MODULES = (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)
_CLASS_FUNCTIONS = (F.cross_entropy, F.nll_loss, F.multi_margin_loss)
_CLASS_NAME = re.compile(r"cross_?entropy|focal|(^|_)(ce|nll|xent)(_|$)")
_OTHER_NAME = re.compile(r"contrast|supcon|triplet|proxy|metric|nt_xent|info|arc_?face|cos_?face")


def find_accuracy(criterion: Any, output: Any, target: Any) -> Hits | None:
    """Return a function that judges outputs, or None when it is not known to be a classification.

    Classes: `logits: (batch, classes, ...)` against an integer `target: (batch, ...)`; positions equal to the
    criterion's `ignore_index` (-100 by default, as in torch.nn.CrossEntropyLoss) are not judged. Embeddings
    with integer labels have the same shapes, so the loss must be one of classes as well: torch's own, one
    whose name says so, or one that falls by more than half where the right class is the largest. Binary:
    logits and target of one shape with a BCE criterion; above 0 (or 0.5 for nn.BCELoss) counts as 1.
    """
    logits = logits_of(output)
    if not isinstance(logits, Tensor) or not isinstance(target, Tensor) or not logits.is_floating_point():
        return None
    if isinstance(criterion, (nn.BCEWithLogitsLoss, nn.BCELoss)):
        threshold = 0.5 if isinstance(criterion, nn.BCELoss) else 0.0
        return _binary(threshold) if logits.shape == target.shape else None
    integer = not target.is_floating_point() and not target.is_complex() and target.dtype != torch.bool
    if not integer or logits.dim() != target.dim() + 1 or logits.shape[1:2] < (2,):
        return None
    if logits.shape[0] != target.shape[0] or logits.shape[2:] != target.shape[1:]:
        return None
    ignored = _ignored(criterion)
    return _classes(ignored) if _judges_classes(criterion, output, target, ignored) else None


def _ignored(criterion: Any) -> int:
    found = getattr(criterion, "ignore_index", None)
    while isinstance(criterion, partial) and found is None:
        found = criterion.keywords.get("ignore_index")
        criterion = criterion.func
    return found if isinstance(found, int) else -100


def _judges_classes(criterion: Any, output: Any, target: Tensor, ignored: int) -> bool:
    """Say whether a loss of fitting shapes compares classes."""
    plain = criterion
    while isinstance(plain, partial):
        plain = plain.func
    if isinstance(plain, _CLASS_MODULES) or any(plain is one for one in _CLASS_FUNCTIONS):
        return True
    if criterion is None and isinstance(output, Tensor):  # no loss yet: the usual one for such shapes
        return True
    logits = logits_of(output)
    if not _in_range(target, logits.shape[1], ignored):
        return False
    if criterion is None:
        return target.dim() == 1 and _own_loss_is_of_classes(output, logits, target, ignored)
    if isinstance(plain, nn.Module) and any(True for _ in plain.parameters()):
        return False  # it has class weights of its own: the output is an embedding
    if target.dim() == 1 and _named_for_classes(plain):
        return True
    return _prefers_the_right_class(criterion, logits, target, ignored)


def _in_range(target: Tensor, classes: int, ignored: int) -> bool:
    judged = target[target != ignored]
    return bool(judged.numel()) and int(judged.min()) >= 0 and int(judged.max()) < classes


def _own_loss_is_of_classes(output: Any, logits: Tensor, target: Tensor, ignored: int) -> bool:
    """A model names its logits, or its loss is the cross-entropy of what looks like them."""
    if isinstance(output, Mapping) or getattr(output, "logits", None) is not None:
        return True
    loss = own_loss(output)
    if loss is None:
        return False
    usual = F.cross_entropy(logits.detach().float(), target, ignore_index=ignored)
    return math.isclose(float(loss.detach()), float(usual), rel_tol=0.02)  # 0.02: half precision


def _named_for_classes(criterion: Any) -> bool:
    named = type(criterion) if isinstance(criterion, nn.Module) else criterion
    name = getattr(named, "__name__", "")
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return bool(_CLASS_NAME.search(words)) and not _OTHER_NAME.search(words)


def _prefers_the_right_class(criterion: Any, logits: Tensor, target: Tensor, ignored: int) -> bool:
    """Try a loss on made-up answers, all right and all wrong by one class.

    A contrastive loss finds both alike, because the same samples are together; one that compares classes does
    not. A loss that is a module is tried as a copy. Tried on several made-up targets too: one that compares
    along another side may find the few of a small batch right by chance.
    """
    draw = torch.Generator().manual_seed(0)
    made_up = [torch.randint(logits.shape[1], target.shape, generator=draw) for _ in range(3)]
    try:
        tried = copy.deepcopy(criterion) if isinstance(criterion, nn.Module) else criterion
        for made in (target, *made_up):
            truth = torch.where(target == ignored, target, made.to(target.device, target.dtype))
            right = torch.where(target == ignored, torch.zeros_like(target), truth)
            wrong = (right + 1) % logits.shape[1]
            with torch.no_grad():
                good, bad = (float(tried(_certain(logits, classes), truth)) for classes in (right, wrong))
            if not (math.isfinite(bad) and good < 0.5 * bad):
                return False
    except Exception:  # a loss that takes no made-up answer says nothing of classes: no accuracy is guessed
        return False
    return True


def _certain(logits: Tensor, classes: Tensor) -> Tensor:
    """Return outputs of the shape of `logits` that are 4 at `classes` and 0.01, a valid share, elsewhere."""
    return torch.full_like(logits, 0.01).scatter_(1, classes.long().unsqueeze(1), 4.0).detach()


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
        self._kept_numel = 0
        self._at_once = at_once
        self._right: Tensor | int = 0
        self._judged: Tensor | int = 0

    def add(self, output: Any, target: Tensor) -> None:
        """Judge a batch, at once or soon."""
        logits = logits_of(output).detach()
        numel = logits.numel()
        if self._at_once or numel > KEPT_NUMEL or logits.is_inference():
            self._judge(logits, target)
            return
        self._kept.append((logits, target, logits._version, target._version))
        self._kept_numel += numel
        if len(self._kept) >= KEPT or self._kept_numel > KEPT_NUMEL:
            self._judge_kept()

    def mark(self) -> tuple[Any, ...]:
        """Return where the counting stands, for `back_to`; sums are never written to, none is copied."""
        return self._kept, len(self._kept), self._kept_numel, self._right, self._judged

    def back_to(self, mark: tuple[Any, ...]) -> None:
        """Take back what was added since."""
        self._kept, length, self._kept_numel, self._right, self._judged = mark
        del self._kept[length:]

    def _judge_kept(self) -> None:
        kept, self._kept, self._kept_numel = self._kept, [], 0
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
        right, judged = self.counts()
        self._right = self._judged = 0
        return right / judged if judged else math.nan

    def counts(self) -> tuple[int, int]:
        """Return hits and judged positions so far. Device sync: once an epoch, evaluation or checkpoint."""
        self._judge_kept()
        right, judged = self._right, self._judged
        if isinstance(right, Tensor) and isinstance(judged, Tensor):
            right, judged = torch.stack((right, judged)).tolist()
        return int(right), int(judged)

    def put_counts(self, right: int, judged: int) -> None:
        """Go on counting from there."""
        self._right, self._judged = right, judged
