"""When a person's learning-rate scheduler is stepped: after each step, each epoch, or each evaluation.

torch does not say which was meant. The scheduler's own numbers usually do: a OneCycleLR is per step by
definition, a CosineAnnealingLR whose T_max equals the epochs is per epoch. What was decided, and why, is
shown in the plan.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from torch.optim import lr_scheduler as lrs

_USUALLY_BY_EPOCH = (
    lrs.StepLR,
    lrs.MultiStepLR,
    lrs.ExponentialLR,
    lrs.MultiplicativeLR,
    lrs.CosineAnnealingLR,
    lrs.PolynomialLR,
)
_EPOCH_WORDS = ("epoch", "epochs", "ep", "e", "current_epoch")
_STEP_WORDS = ("step", "steps", "current_step", "global_step", "it", "iter", "iteration", "batch")
# A length in steps is of the run's own order; one shorter than half of it is taken for epochs, or is unclear.
_NEAR = 0.5


@dataclass(frozen=True)
class Schedule:
    """A scheduler and its rhythm.

    Attributes:
        every: step, epoch, evaluation or never. why: the reason shown in the plan.
        unsure: nothing settled it; the plan warns.
        rates: looks at the rates before each advance and takes note of them afterwards, or None (see
            `nbtrain.train.guards.rates`).
    """

    scheduler: Any
    every: str
    why: str
    unsure: bool = False
    rates: Any = None

    @property
    def watches_best(self) -> bool:
        """True for a ReduceLROnPlateau with mode="max": it waits for a metric to rise."""
        return self.every == "evaluation" and getattr(self.scheduler, "mode", "min") == "max"

    def at_step(self) -> None:
        """Advance after an optimizer step, if that is its rhythm."""
        if self.every == "step":
            self._advance()

    def at_epoch(self) -> None:
        """Advance at an epoch's end, if that is its rhythm."""
        if self.every == "epoch":
            self._advance()

    def at_evaluation(self, loss: float) -> None:
        """Advance with what was measured, if that is its rhythm.

        Args:
            loss: validation loss, or training loss without one; for mode="max" the metric that should rise.
        """
        if self.every == "evaluation":
            self._advance(loss)

    def _advance(self, *measured: float) -> None:
        if self.rates is None:
            self.scheduler.step(*measured)
        else:
            self.rates.look()
            self.scheduler.step(*measured)
            self.rates.note()


def choose_schedule(
    scheduler: Any, *, epochs: int | None, total_steps: int | None, asked: str | None = None
) -> Schedule:
    """Decide the rhythm from the kind of scheduler and its numbers.

    Args:
        scheduler: a torch scheduler, an object with `.step()`, or None.
        epochs, total_steps: the run's length, None where unknown.
        asked: "step" or "epoch" when the person said so.
    """
    if scheduler is None:
        return Schedule(None, "never", "constant learning rate")
    kind = type(scheduler).__name__
    if isinstance(scheduler, lrs.ReduceLROnPlateau):
        rises = scheduler.mode == "max"
        watched = "it waits for a metric to rise" if rises else "it watches the validation loss"
        return Schedule(scheduler, "evaluation", watched)
    if asked:
        return Schedule(scheduler, asked, "as asked")
    if isinstance(scheduler, (lrs.OneCycleLR, lrs.CyclicLR)):
        return Schedule(scheduler, "step", f"{kind} is made for steps")
    if (word := _counted_word(scheduler)) is not None:
        every = "epoch" if word in _EPOCH_WORDS else "step"
        return Schedule(scheduler, every, f"its function counts `{word}`")
    usual = "epoch" if isinstance(scheduler, _USUALLY_BY_EPOCH) else "step"
    horizon = _horizon(scheduler)
    if horizon is None:
        settled = usual == "epoch"  # an ExponentialLR is documented by epoch; of a LambdaLR nothing is known
        return Schedule(scheduler, usual, f"usual for {kind}", unsure=not settled)
    return _by_length(scheduler, *horizon, epochs=epochs, total_steps=total_steps, usual=usual)


def _by_length(
    scheduler: Any, name: str, length: int, *, epochs: int | None, total_steps: int | None, usual: str
) -> Schedule:
    """Decide by the scheduler's own length against the run's epochs and steps."""
    if epochs is None or total_steps is None:
        return Schedule(scheduler, "step", f"{name}={length} is counted in steps")
    if length <= epochs < total_steps:
        return Schedule(scheduler, "epoch", _fit(scheduler, name, length, epochs))
    if length >= _NEAR * total_steps or epochs >= total_steps:
        return Schedule(scheduler, "step", f"{name}={length} is counted in steps")
    why = f"{name}={length} is more than {epochs} epochs and far from the {total_steps:,} steps of this run"
    return Schedule(scheduler, usual, why, unsure=usual == "epoch")


def _counted_word(scheduler: Any) -> str | None:
    """The name of the first parameter of a LambdaLR's function, where it says what it counts."""
    functions = getattr(scheduler, "lr_lambdas", None) or []
    for function in functions:
        try:
            first = next(iter(inspect.signature(function).parameters), "")
        except (TypeError, ValueError):
            continue
        if first in _EPOCH_WORDS or first in _STEP_WORDS:
            return first
    return None


def _fit(scheduler: Any, name: str, length: int, epochs: int) -> str:
    if length == epochs:
        return f"{name}={length} fits the {epochs} epochs"
    if isinstance(scheduler, lrs.CosineAnnealingLR):
        return f"{name}={length} of {epochs} epochs: the rate rises again after epoch {length}"
    return f"{name}={length} is counted in epochs, {epochs} in this run"


def _horizon(scheduler: Any) -> tuple[str, int] | None:
    """The scheduler's own length as (name of the number, number); None when it has none."""
    inner = getattr(scheduler, "_schedulers", None)
    if inner:
        milestones = list(getattr(scheduler, "_milestones", []))
        lengths = [found[1] for found in map(_horizon, inner) if found]
        total = max(milestones, default=0) + max(lengths, default=0)
        return ("its length", total) if total else None
    for name in ("T_max", "T_0", "total_iters", "step_size"):
        if isinstance(value := getattr(scheduler, name, None), int):
            return name, value
    if milestones := getattr(scheduler, "milestones", None):
        return "last milestone", max(milestones)
    return None


def steps_left(scheduler: Any) -> int | None:
    """How often a scheduler can still be stepped before it raises; None for ever.

    Only a OneCycleLR counts: it raises when it is stepped beyond its length. One that ends a SequentialLR
    begins at the last milestone, one before the last milestone never gets there.
    """
    if isinstance(scheduler, lrs.OneCycleLR):
        return max(0, scheduler.total_steps - scheduler.last_epoch)
    inner = list(getattr(scheduler, "_schedulers", None) or ())
    if isinstance(scheduler, lrs.SequentialLR) and inner:
        if (left := steps_left(inner[-1])) is None:
            return None
        waits = max(0, scheduler._milestones[-1] - scheduler.last_epoch)
        return waits + left - (1 if waits else 0)
    known = [left for left in map(steps_left, inner) if left is not None]
    return min(known, default=None)


def beyond(scheduler: Any, steps: int) -> str:
    """Say what a scheduler will do beyond its own length if stepped `steps` times more; "" if nothing."""
    if isinstance(scheduler, lrs.CosineAnnealingLR) and steps > scheduler.T_max - scheduler.last_epoch:
        return (
            f"The CosineAnnealingLR has T_max={scheduler.T_max}: from there on the learning rate rises again."
        )
    return ""
