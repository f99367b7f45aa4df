"""Longer experiments on copies, asked for apart: can one batch be learned, and do the labels matter.

Both run the cell itself, its own loop, loss and optimizer, on loaders that give what the experiment needs:
the same batch again and again; or all batches, once as they are and once with labels that belong to other
samples. Schedules stand still at their highest rate, for a warm-up of a thousand steps would end neither.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import numpy
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from nbtrain.review.probe.copies import copied, standing_in
from nbtrain.review.probe.ears import Ears
from nbtrain.review.probe.execution import FILENAME, Ending, execute
from nbtrain.review.probe.sandbox import put
from nbtrain.review.probe.seen import LearnedSeen

STEPS = 200  # of one batch: torchtest2
LABELLED_STEPS = 120
SECONDS = 30.0  # of each run
IDLE = 2  # batches drawn in a row that are not trained with: a loop that evaluates
LABELS = ("labels", "label", "targets", "target", "y")
SEED = 0

Draw = Callable[[DataLoader, Callable[[], Iterator[Any]]], Iterator[Any]]


class PatientEars(Ears):
    """Hear a run of many steps: its losses, and nothing that takes long."""

    def __init__(self, variables: dict[str, Any], *, steps: int) -> None:
        super().__init__(FILENAME, variables, time.perf_counter() + SECONDS)
        self.most_steps = steps
        self.losses: list[float] = []
        self.trained = 0  # backward passes
        self.ending = Ending("cell")

    def left(self, module: Any, args: Any, keywords: Any, output: Any) -> None:
        """A module has run; what it gave is not looked at."""
        self._depth -= 1

    def backward(self, original: Any, outputs: Any, args: Any, keywords: Any) -> Any:
        """Note the loss."""
        self._go_on()
        self.trained += 1
        value = outputs[0].detach()
        if value.numel() == 1:
            self.losses.append(float(value))
        return original(outputs, *args, **keywords)

    def before_step(self, optimizer: Any, args: Any, keywords: Any) -> None:
        """Take the step at the highest rate of its schedule."""
        super().before_step(optimizer, args, keywords)
        for group in optimizer.param_groups:
            group["lr"] = group.get("max_lr", group.get("initial_lr", group["lr"]))

    def after_step(self, optimizer: Any) -> None:
        """Count it."""
        self._in_step -= 1
        if not self._in_step:
            self.taken[id(optimizer)] = self.taken.get(id(optimizer), 0) + 1
            self.steps += 1


def learned(source: str, held: dict[str, Any], names: list[str]) -> tuple[LearnedSeen, LearnedSeen]:
    """Run both experiments; return what was seen of one batch, and of the labels.

    Args:
        held: the notebook's variables, in whose place copies stand meanwhile. names: those the cell uses.
    """
    one = _ran(source, held, names, _same_batch, STEPS)
    batch = LearnedSeen(one.steps, *_ends(one.losses), how=_how(one))
    true = _ran(source, held, names, _all_batches, LABELLED_STEPS)
    shuffled: list[bool] = []
    other = _ran(source, held, names, _shuffler(shuffled), LABELLED_STEPS)
    start, end = _ends(true.losses)
    how = _how(true) or _how(other) or ("" if shuffled else "no labels were found in the batches")
    labels = LearnedSeen(true.steps, start, end, _ends(other.losses)[1], _spread(true.losses), how)
    return batch, labels


def _ran(source: str, held: dict[str, Any], names: list[str], draw: Draw, steps: int) -> PatientEars:
    """Run the cell on copies of its own, from one seed, its loaders drawing as an experiment asks."""
    random.seed(SEED)
    numpy.random.seed(SEED)
    torch.manual_seed(SEED)
    with standing_in(held, copied(held, names)):
        held.setdefault("__name__", "__main__")
        ears = PatientEars(held, steps=steps)
        real = DataLoader.__iter__

        def begin(loader: DataLoader) -> Iterator[Any]:
            return _trained_on(ears, draw(loader, lambda: real(loader)))

        with ExitStack() as stack:
            put(stack, DataLoader, "__iter__", begin)
            ears.ending = execute(source, held, ears)
    return ears


def _trained_on(ears: PatientEars, batches: Iterator[Any]) -> Iterator[Any]:
    """Batches until nothing is trained with them: an evaluation goes over some and ends."""
    idle = 0
    for batch in batches:
        before = ears.trained
        yield batch
        idle = 0 if ears.trained > before else idle + 1
        if idle >= IDLE:
            return


def _same_batch(loader: DataLoader, begin: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    kept = vars(loader).setdefault("_nbtrain_batch", None)
    first = kept if kept is not None else next(iter(begin()), None)
    vars(loader)["_nbtrain_batch"] = first
    while first is not None:
        yield _own(first)


def _all_batches(loader: DataLoader, begin: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    while True:
        count = 0
        for batch in begin():
            count += 1
            yield batch
        if not count:
            return


def _shuffler(done: list[bool]) -> Draw:
    """Batches whose labels belong to other samples; notes in `done` that there were some."""

    def draw(loader: DataLoader, begin: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        for batch in _all_batches(loader, begin):
            mixed = _mixed(batch)
            if mixed is not None:
                done.append(True)
            yield batch if mixed is None else mixed

    return draw


def _mixed(batch: Any) -> Any:
    """The batch with its labels in another order, None where it is not told which they are."""
    if isinstance(batch, list | tuple) and len(batch) == 2 and all(isinstance(one, Tensor) for one in batch):
        first, second = batch
        if first.dim() and second.dim() and len(first) == len(second):
            return type(batch)((first, second[torch.randperm(len(second))]))
        return None
    if isinstance(batch, Mapping):
        name = next((one for one in LABELS if isinstance(batch.get(one), Tensor)), None)
        if name is not None and batch[name].dim():
            mixed = dict(batch)
            mixed[name] = batch[name][torch.randperm(len(batch[name]))]
            return mixed
    return None


def _own(value: Any) -> Any:
    """A copy: a line of the cell may write into its batch."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, Mapping) and type(value) is dict:
        return {key: _own(one) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_own(one) for one in value)
    return value


def _ends(losses: list[float]) -> tuple[float | None, float | None]:
    """The loss at the start and at the end: the first, and the median of the last tenth."""
    if len(losses) < 2:
        return None, None
    return losses[0], statistics.median(losses[-max(3, len(losses) // 10) :])


def _spread(losses: list[float]) -> float | None:
    """The spread of the loss from batch to batch in the last quarter."""
    last = losses[-max(2, len(losses) // 4) :]
    return statistics.stdev(last) if len(last) > 1 else None


def _how(ears: PatientEars) -> str:
    """Why a run says nothing; "" when it does."""
    if ears.steps < 10 or len(ears.losses) < 10:
        ending = ears.ending
        ended = {"time": "its time was up", "cell": "the source came to its end"}
        why = ending.error or ended.get(ending.how, "")
        return f"only {ears.steps} steps were taken" + (f" ({why})" if why else "")
    return ""
