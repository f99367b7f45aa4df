"""The learning-rate range test: real steps at ever higher rates, then everything is put back and proven so.

Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3. The test trains on the
person's own objects, because a copy of a model, its hooks and its optimizer is not always to be had; nothing
is written to disk.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from nbtrain.errors import UsageError
from nbtrain.notebook.rng import preserved_rng
from nbtrain.running import active
from nbtrain.train.batch import Task
from nbtrain.train.hashes import GENERATORS, differences, hashes
from nbtrain.train.lr_suggestion import Suggestion, suggest
from nbtrain.train.memento import Memento
from nbtrain.train.modes import enter_training
from nbtrain.train.precision import Precision
from nbtrain.train.putting_back import everything_put_back
from nbtrain.train.step import Stepper

DIVERGED_AT = 4.0  # times the best smoothed loss: the customary bound of range tests
SMOOTHING = 0.9  # of the running loss that the bound is held against: it reacts within ten steps
NEVER = -1.0  # a time at which no layer sample is due
OnStep = Callable[[int, float, float], Any]


@dataclass(frozen=True)
class RangeSettings:
    """How a test is done: `steps` rates from `start` to `end`, each a constant factor above the last."""

    start: float = 1e-7
    end: float = 10.0
    steps: int = 100
    accumulate: int = 1
    clip: float | None = None

    def check(self) -> RangeSettings:
        """Return self.

        Raises:
            UsageError: a number that cannot be.
        """
        for name in ("start", "end"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
                raise UsageError(
                    f"`{name}` is {value!r}; it must be a learning rate above 0.", suggestion=f"{name}=1e-7"
                )
        if self.start >= self.end:
            raise UsageError(
                f"The test would go from {self.start:g} to {self.end:g}; it must go upwards.",
                suggestion="For example start=1e-7, end=10.",
            )
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 10:
            raise UsageError(
                f"`steps` is {self.steps!r}; a curve needs at least 10, and 100 are usual.",
                suggestion="steps=100",
            )
        return self

    def rates(self) -> list[float]:
        """Return the rates, first to last."""
        span = math.log(self.end / self.start)
        return [self.start * math.exp(span * i / (self.steps - 1)) for i in range(self.steps)]


@dataclass(frozen=True)
class RangeSubjects:
    """What a test trains with; the same objects that a training would get.

    Attributes:
        find_task: looks at a batch and returns how batches become losses. Called where what it disturbs is
            put back.
        optimizer_is_ours: nbtrain made it for the test.
    """

    model: nn.Module
    optimizer: Any
    find_task: Callable[[], Task]
    loader: Iterable[Any]
    precision: Precision
    criterion: Any = None
    scheduler: Any = None
    optimizer_is_ours: bool = False


@dataclass(frozen=True)
class RangeTest:
    """What a test measured.

    Attributes:
        rates, losses: one a step, of the first parameter group; losses finite. suggestion: what they say.
        ended: why it ended before its last step, "" when it did not.
        checked: the parts of the set-up whose hashes were compared. changed: those that differ afterwards.
        unchecked: why a part could not be compared, a sentence each.
        seconds: the whole test.
    """

    settings: RangeSettings
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: Suggestion
    ended: str
    checked: tuple[str, ...]
    changed: tuple[str, ...]
    unchecked: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def verified(self) -> bool:
        """True when everything was compared and is as it was."""
        return not self.changed and not self.unchecked


@dataclass
class _Curve:
    """What was measured so far, and whether it is enough."""

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    ended: str = ""
    _average: float = 0.0
    _weight: float = 0.0
    _best: float = math.inf

    def takes(self, rate: float, loss: float) -> bool:
        """Add a step; say whether the test goes on."""
        if not math.isfinite(loss):
            self.ended = f"the loss became {'NaN' if math.isnan(loss) else 'infinite'} at lr {rate:.2g}"
            return False
        self.rates.append(rate)
        self.losses.append(loss)
        self._average = SMOOTHING * self._average + (1 - SMOOTHING) * loss
        self._weight = SMOOTHING * self._weight + (1 - SMOOTHING)
        now = self._average / self._weight
        self._best = min(self._best, now)
        if now > _bound(self._best, self.losses[0]):
            self.ended = f"the loss rose above {DIVERGED_AT:g} times its best at lr {rate:.2g}"
        return not self.ended


def range_test(subjects: RangeSubjects, settings: RangeSettings, on_step: OnStep | None = None) -> RangeTest:
    """Do the test and put everything back, also when it fails or is interrupted.

    Args:
        on_step: called with the step's number, its rate and its loss.

    Raises:
        UsageError: settings that cannot be, data that can be read only once or gives no batch, a model that
            is being trained.
        Exception: whatever the person's model, data or loss raised; everything is put back first.
    """
    settings.check()
    began = time.perf_counter()
    loader = subjects.loader
    refuse_what_is_read_once(loader)
    with active.borrowed(subjects.model.parameters(), "A learning-rate range test"):
        others = active.alive()
        memento = Memento(
            (subjects.model, subjects.optimizer, subjects.scheduler, subjects.criterion), data=(loader,)
        )
        parts = {
            "scheduler": subjects.scheduler, "criterion": subjects.criterion, "loader": loader,
            "generators": memento.generators,
        }  # fmt: skip
        before = hashes(subjects.model, subjects.optimizer, **parts)
        curve = _Curve()
        with everything_put_back(subjects.model, memento, keep_generators=not others):
            _sweep(subjects, settings, curve, on_step)
        after = hashes(subjects.model, subjects.optimizer, **parts)
    unchecked = []
    if others or active.alive():
        before.pop(GENERATORS)
        unchecked.append(
            "The random generators were not put back: another run draws from them at the same time."
        )
    if not memento.is_whole:
        unchecked.append("The objects refer to so much that not everything behind them was looked at.")
    return RangeTest(
        settings, tuple(curve.rates), tuple(curve.losses),
        suggest(curve.rates, curve.losses, planned=settings.steps), curve.ended,
        tuple(before), differences(before, after), tuple(unchecked), time.perf_counter() - began,
    )  # fmt: skip


def _sweep(subjects: RangeSubjects, settings: RangeSettings, curve: _Curve, on_step: OnStep | None) -> None:
    model, optimizer = subjects.model, subjects.optimizer
    task = subjects.find_task()
    enter_training(model)
    stepper = Stepper(
        model, optimizer, task=task, precision=subjects.precision,
        device=next(model.parameters()).device, clip=settings.clip,
    )  # fmt: skip
    shares = _shares(optimizer)
    with closing(cycled(subjects.loader)) as batches:  # its workers end here, not when a traceback is let go
        for number, rate in enumerate(settings.rates(), 1):
            for group, share in zip(optimizer.param_groups, shares, strict=True):
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate * share)
                else:
                    group["lr"] = rate * share
            batch = tuple(next(batches) for _ in range(settings.accumulate))
            taken = stepper.step(batch, number, NEVER)
            loss = float(taken.loss)  # device sync: each step decides on the next
            if not curve.takes(rate, loss):
                return
            if on_step is not None:
                on_step(number, rate, loss)
            if stepper.scaler is None and bool(taken.skipped):  # a scaler leaves steps out
                curve.ended = f"the gradients became NaN or infinite at lr {rate:.2g}"
                return


def _bound(best: float, first: float) -> float:
    """The smoothed loss at which a test ends; losses below zero have no multiples, their fall stands in."""
    if best > 0:
        return DIVERGED_AT * best
    return max(best, first) + (DIVERGED_AT - 1) * max(first - best, abs(first))


def _shares(optimizer: Any) -> list[float]:
    """Each group's rate as a multiple of the first group's, so that the ratio between groups is kept."""
    for name in ("lr", "initial_lr"):
        rates = [float(group.get(name) or 0) for group in optimizer.param_groups]
        if rates[0] > 0:
            return [rate / rates[0] for rate in rates]
    return [1.0] * len(optimizer.param_groups)


def cycled(loader: Iterable[Any]) -> Iterator[Any]:
    """Yield batches for ever: a short loader is begun again."""
    loader = _apart(loader)
    while True:
        empty = True
        for batch in loader:
            empty = False
            yield batch
        if empty:
            raise UsageError(
                "The training loader gave no batch.", suggestion="Check its data set and batch size."
            )


def _apart(loader: Iterable[Any]) -> Iterable[Any]:
    """A loader of the same settings with workers of its own: persistent ones keep their place."""
    if not isinstance(loader, DataLoader) or not getattr(loader, "persistent_workers", False):
        return loader
    twin = copy.copy(loader)
    twin.__dict__.update(_iterator=None, persistent_workers=False)
    return twin


def refuse_what_is_read_once(loader: Iterable[Any]) -> None:
    source = getattr(loader, "dataset", loader)
    once = callable(getattr(type(source), "__next__", None))
    streamed = isinstance(source, IterableDataset) or not hasattr(type(source), "__getitem__")
    if not once and streamed and hasattr(type(source), "__iter__"):
        with preserved_rng(source):
            once = iter(source) is iter(source)
    if once:
        raise UsageError(
            f"The training data is a {type(source).__name__} that can be read only once: the test would use "
            "it up.",
            suggestion="Give a DataLoader, or a list of batches: list(itertools.islice(data, 100)).",
        )
