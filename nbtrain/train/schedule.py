"""When a person's learning-rate scheduler is stepped: after each step, each epoch, or each evaluation.

torch does not say which was meant. The scheduler's own numbers usually do: a OneCycleLR is per step by
definition, a CosineAnnealingLR whose T_max equals the epochs is per epoch. What was decided, and why, is
shown in the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch.optim import lr_scheduler as lrs

_USUALLY_BY_EPOCH = (lrs.StepLR, lrs.MultiStepLR, lrs.ExponentialLR, lrs.CosineAnnealingLR)


@dataclass(frozen=True)
class Schedule:
    """A scheduler and its rhythm.

    Attributes:
        every: step, epoch, evaluation or never. why: the reason shown in the plan.
    """

    scheduler: Any
    every: str
    why: str

    def at_step(self) -> None:
        """Advance after an optimizer step, if that is its rhythm."""
        if self.every == "step":
            self.scheduler.step()

    def at_epoch(self) -> None:
        """Advance at an epoch's end, if that is its rhythm."""
        if self.every == "epoch":
            self.scheduler.step()

    def at_evaluation(self, loss: float) -> None:
        """Advance with the measured loss (validation, or train without one), if that is its rhythm."""
        if self.every == "evaluation":
            self.scheduler.step(loss)


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
    if isinstance(scheduler, lrs.ReduceLROnPlateau):
        return Schedule(scheduler, "evaluation", "it watches the validation loss")
    if asked:
        return Schedule(scheduler, asked, "as asked")
    if isinstance(scheduler, (lrs.OneCycleLR, lrs.CyclicLR)):
        return Schedule(scheduler, "step", f"{type(scheduler).__name__} is made for steps")
    horizon = _horizon(scheduler)
    if horizon is None:
        every = "epoch" if isinstance(scheduler, _USUALLY_BY_EPOCH) else "step"
        return Schedule(
            scheduler, every, f"usual for {type(scheduler).__name__}; --scheduler-step says otherwise"
        )
    name, length = horizon
    if epochs is not None and length <= epochs and (total_steps is None or total_steps > epochs):
        return Schedule(scheduler, "epoch", _fit(scheduler, name, length, epochs))
    a_pass = total_steps / epochs if epochs and total_steps else 0.0
    if length < a_pass and isinstance(scheduler, _USUALLY_BY_EPOCH):  # 30 of 10 epochs, or every 30 steps?
        return Schedule(
            scheduler, "epoch", f"{name}={length} is less than the {a_pass:.0f} steps of an epoch"
        )
    if epochs is None and total_steps is not None and length > total_steps:
        return Schedule(scheduler, "step", f"{name}={length} is beyond the {total_steps} steps of this run")
    return Schedule(scheduler, "step", f"{name}={length} is counted in steps")


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
