"""The first steps of a plan, really taken, and everything put back and proven so. Nothing is on disk
afterwards.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import torch

from nbtrain.running import active
from nbtrain.train.hashes import GENERATORS, differences, hashes
from nbtrain.train.lr_range import NEVER, cycled, refuse_what_is_read_once
from nbtrain.train.memento import Memento
from nbtrain.train.modes import enter_training
from nbtrain.train.plan import Plan
from nbtrain.train.precision import choose_precision
from nbtrain.train.putting_back import everything_put_back
from nbtrain.train.step import Stepper

STEPS = 10


@dataclass(frozen=True)
class DryRun:
    """What the first steps showed.

    Attributes:
        losses, rates: one a step. step_time_s: of the steps after the first. checked: parts of the set-up
        whose
            hashes were compared; changed: those that differ afterwards. ended: why before its last step,
            or "".
    """

    losses: tuple[float, ...]
    rates: tuple[float, ...]
    step_time_s: float | None
    checked: tuple[str, ...]
    changed: tuple[str, ...]
    ended: str = ""


def dry_run(plan: Plan, steps: int = STEPS, on_step: Callable[[int, float], Any] | None = None) -> DryRun:
    """Take the first optimizer steps of a plan, where its model is now, and put everything back.

    Args:
        steps: at most this many. on_step: called with the step's number and loss.

    Raises:
        UsageError: data that can be read only once, a model that is being trained.
        Exception: whatever the person's model, data or loss raised; everything is put back first.
    """
    work = plan.work
    refuse_what_is_read_once(work.train_loader)
    steps = min(steps, plan.total_steps or steps)
    with active.borrowed(work.model.parameters(), "A dry run"):
        others = active.alive()
        memento = Memento(
            (work.model, work.optimizer, work.scheduler, work.criterion), data=(work.train_loader,)
        )
        parts = {
            "scheduler": work.scheduler, "criterion": work.criterion, "loader": work.train_loader,
            "generators": memento.generators,
        }  # fmt: skip
        before = hashes(work.model, work.optimizer, **parts)
        with everything_put_back(work.model, memento, keep_generators=not others):
            taken = _steps(plan, steps, on_step)
        after = hashes(work.model, work.optimizer, **parts)
    if others or active.alive():
        before.pop(GENERATORS)
    return DryRun(*taken[:3], tuple(before), differences(before, after), taken[3])


def _steps(
    plan: Plan, steps: int, on_step: Callable[[int, float], Any] | None
) -> tuple[tuple[float, ...], tuple[float, ...], float | None, str]:
    work = plan.work
    home = next(work.model.parameters()).device
    precision = work.precision if home == work.device else choose_precision("32", home)
    enter_training(work.model)
    stepper = Stepper(
        work.model, work.optimizer, task=work.task, precision=precision, device=home, clip=work.options.clip
    )
    losses: list[float] = []
    rates: list[float] = []
    times: list[float] = []
    with closing(cycled(work.train_loader)) as batches:
        for number in range(1, steps + 1):
            began = time.perf_counter()
            rates.append(float(work.optimizer.param_groups[0]["lr"]))
            taken = stepper.step(tuple(next(batches) for _ in range(work.options.accumulate)), number, NEVER)
            losses.append(float(taken.loss))  # device sync: a rehearsal of a few steps
            times.append(time.perf_counter() - began)
            if on_step is not None:
                on_step(number, losses[-1])
            if not math.isfinite(losses[-1]):
                return tuple(losses), tuple(rates), None, f"the loss is {losses[-1]} at step {number}"
            work.schedule.at_step()
    later = times[1:] or times
    return tuple(losses), tuple(rates), sum(later) / len(later) if later else None, ""


def expected_loss(plan: Plan) -> tuple[float, str] | None:
    """Return what an untrained model's loss should be about, and why; None where that is not known.

    Source: a uniform guess among C classes has the cross-entropy ln C.
    """
    criterion, output = plan.work.criterion, plan.rehearsal.output
    kind = getattr(criterion, "__name__", type(criterion).__name__)
    sizes = [
        int(word) for word in output.partition(")")[0].strip("(").replace(",", " ").split() if word.isdigit()
    ]
    if kind == "CrossEntropyLoss" and len(sizes) > 1:
        return math.log(sizes[1]), f"ln {sizes[1]}, a guess among {sizes[1]} classes"
    if kind == "next_token_loss" and len(sizes) > 2:
        return math.log(sizes[-1]), f"ln {sizes[-1]}, a guess among {sizes[-1]} tokens"
    if kind in ("BCEWithLogitsLoss", "BCELoss"):
        return math.log(2), "ln 2, a guess between two"
    if isinstance(criterion, torch.nn.MSELoss) and isinstance(plan.rehearsal.batch, (tuple, list)):
        target = plan.rehearsal.batch[1]
        if isinstance(target, torch.Tensor) and target.is_floating_point():
            return float(target.square().mean()), "the mean square of this batch's targets, an answer of 0"
    return None
