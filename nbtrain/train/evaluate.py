"""Validation: eval mode, no gradients, sums kept on the device and read once at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.train.accuracy import Hits, Tally
from nbtrain.train.batch import Task, batch_size, logits_of, to_device
from nbtrain.train.memory import Change, Pieces, shortage_of
from nbtrain.train.modes import evaluating
from nbtrain.train.out_of_memory import give_memory_back, is_out_of_memory
from nbtrain.train.pieces import Piece
from nbtrain.train.precision import Precision
from nbtrain.train.tokens import perplexity


class Judge:
    """Everything a validation needs, looked up once.

    Args:
        model: what is judged. task: how a batch becomes a loss.
        precision: autocast. device: where batches go.
        hits: judges answers for accuracy, or None. metrics: by name, (output, target) -> number.

    Attributes:
        pieces: how many samples fit into memory at a time. on_change: told when that has changed.
    """

    def __init__(
        self, model: nn.Module, *, task: Task, precision: Precision, device: torch.device,
        hits: Hits | None = None, metrics: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:  # fmt: skip
        self._model, self._task, self._device = model, task, device
        self._autocast = precision.autocast if precision.dtype is not None else None
        self._hits, self._metrics = hits, metrics or {}
        self._means = task.means
        self.pieces = Pieces("A validation batch", model, lambda batch: self._loss(batch)[0])
        self.pieces.counted = task.means.counted if task.means is not None else None
        self.on_change: Callable[[Change], None] = lambda change: None

    @torch.no_grad()
    def evaluate(self, loader: Iterable[Any], *, wanted: Callable[[], bool]) -> dict[str, float] | None:
        """Return the validation loss and metrics, averaged over the samples.

        Args:
            loader: the validation data. wanted: asked before each batch; False ends the evaluation.

        Returns:
            `val_loss`, `val_acc` where it applies, `val_perplexity` where the loss is a mean over tokens (and
            then over all tokens), and each metric as `val_<name>`; None when the evaluation was broken off or
            the loader gave nothing.
        """
        tally = Tally(self._hits) if self._hits is not None else None
        sums = _Sums(self._metrics)
        with evaluating(self._model):
            for batch in loader:
                if not wanted():
                    return None
                self._add(batch, sums, tally)
        values = sums.means(tally)
        if values is not None and self._means is not None:
            values["val_perplexity"] = perplexity(values["val_loss"])
        return values

    def _add(self, batch: Any, sums: _Sums, tally: Tally | None) -> None:
        """Add one batch, in smaller pieces when it does not fit into memory."""
        mark = tally.mark() if tally is not None else ()
        while True:
            try:
                found = self._judged(self.pieces.cut((batch,)), tally)
                n = batch_size(batch)
                return sums.add(found, n, n if self._means is None else self._means.counted(batch))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                shortage = shortage_of(error, "validation")
            if tally is not None:
                tally.back_to(mark)
            give_memory_back()
            self.on_change(self.pieces.halve((batch,), shortage))

    def _judged(self, pieces: Sequence[Piece], tally: Tally | None) -> tuple[Any, dict[str, Any]]:
        """Loss of a batch, and the sum of each metric over its samples."""
        total: Tensor | float = 0.0
        measured: dict[str, Any] = dict.fromkeys(self._metrics, 0.0)
        for piece in pieces:
            loss, output, target = self._loss(piece.batch)
            loss = loss.detach().float()
            total = total + (loss if piece.divisor == 1 else loss / piece.divisor)
            if tally is not None:
                tally.add(output, target)
            for name, metric in self._metrics.items():
                logits, n = logits_of(output), batch_size(piece.batch)
                measured[name] = measured[name] + metric(output if logits is None else logits, target) * n
        return total, measured

    def _loss(self, batch: Any) -> tuple[Tensor, Any, Any]:
        batch = to_device(batch, self._device)
        if self._autocast is None:
            return self._task.loss(self._model, batch)
        with self._autocast():
            return self._task.loss(self._model, batch)


class _Sums:
    """Sums over the samples of a validation."""

    def __init__(self, names: Iterable[str]) -> None:
        self._loss: Tensor | float = 0.0
        self._measured: dict[str, Any] = dict.fromkeys(names, 0.0)
        self._samples = self._weight = 0

    def add(self, found: tuple[Any, dict[str, Any]], n: int, weight: int) -> None:
        """Add a batch of `n` samples: (loss, sum of each metric). `weight`: how much its loss counts."""
        loss, measured = found
        self._samples += n
        self._weight += weight
        if weight:  # else its loss is of nothing
            self._loss = self._loss + loss * weight
        for name, value in measured.items():
            self._measured[name] = self._measured[name] + value

    def means(self, tally: Tally | None) -> dict[str, float] | None:
        """Return the means by name; None without samples."""
        if not self._samples:
            return None
        # device sync: once an evaluation
        values = {"val_loss": float(self._loss) / self._weight if self._weight else math.nan}
        if tally is not None and (accuracy := tally.take()) == accuracy:
            values["val_acc"] = accuracy
        for name, total in self._measured.items():
            values[f"val_{name}"] = float(total) / self._samples
        return values
