"""Which class an output predicts, and whether it is the right one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from nbtrain.train.accuracy import Hits, find_accuracy


@dataclass(frozen=True)
class Classes:
    """How predictions are read.

    Attributes:
        place: which output holds them. predict: logits -> classes.
        hits: (logits, target) -> what is right, and which positions count; None without targets.
        assumed: there is no target that shows that it is a classification.
    """

    place: int
    predict: Callable[[Tensor], Tensor]
    hits: Hits | None = None
    assumed: bool = False

    def count(self, logits: Tensor, target: Tensor) -> tuple[int, int]:
        """Return how many are right, and how many were judged."""
        right, judged = self.hits(logits, target)
        return int(right.sum()), right.numel() if judged is None else int(judged.sum())


def find_classes(
    output: Any, logits: Tensor | None, place: int | None, loss: Any, target: Any
) -> Classes | None:
    """Return how the classes of an output are read, or None where it is no classification.

    Args:
        output: as the model returned it. logits: the prediction in it, at `place` of the named outputs.
        loss: criterion, or None. target: a batch's, or None.
    """
    if logits is None or place is None or not logits.is_floating_point():
        return None
    hits = find_accuracy(loss, output, target) if isinstance(target, Tensor) else None
    binary = isinstance(loss, (nn.BCEWithLogitsLoss, nn.BCELoss))
    if hits is not None and binary:
        threshold = 0.5 if isinstance(loss, nn.BCELoss) else 0.0
        return Classes(place, lambda one: one > threshold, hits)
    if hits is not None:
        return Classes(place, lambda one: one.argmax(1), hits)
    if target is None and logits.dim() == 2 and logits.shape[1] >= 2:
        return Classes(place, lambda one: one.argmax(1), assumed=True)
    return None
