"""One pass over a data set with a model in eval mode, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from nbtrain.errors import UsageError
from nbtrain.evaluation.intervals import bootstrap, wilson
from nbtrain.train.accuracy import find_accuracy
from nbtrain.train.batch import batch_size, logits_of, make_task, to_device
from nbtrain.train.modes import evaluating
from nbtrain.train.rehearsal import in_one_line

MOST_CLASSES = 1000  # of a confusion matrix


@dataclass(frozen=True)
class Measured:
    """A number and its 95 % interval, None where there is none to be had."""

    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Evaluation:
    """What one pass came to.

    Attributes:
        samples, batches, seconds: of the pass. metrics: name -> number with its interval; `loss`, `accuracy`
            where it is a classification, and those asked for.
        confusion: (classes, classes) counts, row = truth, column = prediction; None where it is none.
    """

    samples: int
    batches: int
    seconds: float
    metrics: Mapping[str, Measured]
    confusion: np.ndarray | None = field(default=None, repr=False)


def evaluate_model(
    model: nn.Module, data: Iterable[Any], *, loss: Any = None,
    metrics: Mapping[str, Callable[[Any, Any], Any]] | None = None,
) -> Evaluation:  # fmt: skip
    """Run a model over a data set in eval mode without gradients; modes are as before afterwards.

    Args:
        data: gives batches, e.g. a DataLoader. loss: criterion (output, target); None: the model's own, or
            none. metrics: name -> (output, target) -> number, averaged over the samples.

    Raises:
        UsageError: the data gave no batch, or nothing can be measured on it.
    """
    began = time.perf_counter()
    pass_ = _Pass(model, loss, metrics or {})
    with torch.no_grad(), evaluating(model):
        for batch in data:
            pass_.add(batch)
    if not pass_.counts:
        raise UsageError("The data gave no batch.", suggestion="Check the loader and its data set.")
    found = pass_.metrics()
    if not found:
        raise UsageError(
            "There is nothing to measure: no loss is given, the model has none of its own, and its output "
            "and the target are no classification.",
            suggestion="Say --loss NAME, or --metric name=function.",
        )
    seconds = time.perf_counter() - began
    return Evaluation(sum(pass_.counts), len(pass_.counts), seconds, found, pass_.confusion)


def _shapes(batch: Any) -> list[str]:
    """Return shape and type of each tensor in a batch: nested, in a mapping, or held by an object."""
    held = dict(batch) if isinstance(batch, Mapping) else batch
    if not isinstance(held, (Tensor, dict, list, tuple)):
        held = dict(getattr(held, "__dict__", {}))
    parts = [one for one in tree_leaves(held) if isinstance(one, Tensor)]
    return [f"{tuple(one.shape)} {str(one.dtype).removeprefix('torch.')}" for one in parts]


class _Pass:
    """Sums of one pass, batch by batch."""

    def __init__(self, model: nn.Module, loss: Any, metrics: Mapping[str, Callable[..., Any]]) -> None:
        self._model, self._loss, self._asked = model, loss, metrics
        self._device = next((p.device for p in model.parameters()), torch.device("cpu"))
        self._task: Any = None
        self._hits: Any = None
        self._right = self._judged = 0
        self.values: dict[str, list[float]] = {}
        self.counts: list[int] = []
        self.confusion: np.ndarray | None = None

    def add(self, batch: Any) -> None:
        """Take one batch in."""
        batch = to_device(batch, self._device)
        if self._task is None:
            self._task = make_task(self._model, self._loss, batch)
        try:
            output, target, loss = self._run(batch)
        except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
            if self.counts:  # it has run: what the person's code raises now is theirs
                raise
            raise UsageError(
                f"The model does not run on the data: {in_one_line(error).rstrip('.')}.",
                suggestion="Check that data and loss are those of this model: the first batch holds "
                f"{', '.join(_shapes(batch)) or 'no tensor'}.",
            ) from error
        if not self.counts:
            self._hits = find_accuracy(self._loss, output, target)
        self.counts.append(batch_size(batch))
        if loss is not None:
            self.values.setdefault("loss", []).append(float(loss))
        logits = logits_of(output)
        for name, metric in self._asked.items():
            self.values.setdefault(name, []).append(
                float(metric(output if logits is None else logits, target))
            )
        if self._hits is not None:
            self._judge(output, logits, target)

    def _run(self, batch: Any) -> tuple[Any, Any, Any]:
        if self._task.whole is not None:
            return None, None, self._task.whole(self._model, batch)
        inputs, keywords, target = self._task.splits(batch)
        output = self._model(*inputs, **keywords)
        loss = (
            self._task.own(output) if self._task.criterion is None else self._task.criterion(output, target)
        )
        return output, target, loss

    def _judge(self, output: Any, logits: Tensor, target: Tensor) -> None:
        hits, judged = self._hits(output, target)
        self._right += int(hits.sum())
        self._judged += hits.numel() if judged is None else int(judged.sum())
        if judged is None:  # binary: a sign, or a share above one half
            predicted, truth, classes = (hits == (target > 0.5)).long(), (target > 0.5).long(), 2
        else:
            predicted, truth = logits.argmax(1)[judged], target[judged]
            classes = logits.shape[1]
        if classes > MOST_CLASSES:
            return
        pairs = (truth.flatten() * classes + predicted.flatten()).cpu()
        counts = torch.bincount(pairs, minlength=classes * classes).view(classes, classes).numpy()
        self.confusion = counts if self.confusion is None else self.confusion + counts

    def metrics(self) -> dict[str, Measured]:
        """Return the means over the samples, each with its interval."""
        found = {}
        for name, values in self.values.items():
            mean = float(np.average(values, weights=self.counts))
            found[name] = Measured(mean, bootstrap(values, self.counts))
        if self._judged:
            found["accuracy"] = Measured(self._right / self._judged, wilson(self._right, self._judged))
        return found
