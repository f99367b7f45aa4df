"""Try candidates on the person's own objects, one upon the other, and put everything back.

    take the reference: the losses of some steps, from here, with one seed and with another
    for each candidate, in their order:
        not tried where it does not fit, or where it takes more time than there is left for trying
        the losses of the same steps with it: not kept where they do not agree (agreement.py)
        steps without and with it, timed in turns: kept where it is faster by more than the margin (timing.py)
        what was kept is part of how the next ones are tried
    weights, buffers, gradients, optimizer, modes, generators: as they were, to the bit

Trying takes at most TRYING_SHARE of the run's estimated time. The loader is not touched: one batch is used
again and again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from nbtrain import units
from nbtrain.running import active
from nbtrain.train.fast.agreement import STEPS, disagreement
from nbtrain.train.fast.candidate import Candidate, Scene
from nbtrain.train.fast.chosen import Chosen, candidates
from nbtrain.train.fast.table import KEPT, NOT_KEPT, NOT_TRIED, Trial, Trials
from nbtrain.train.fast.timing import MARGIN, Comparison, compare, cost_of
from nbtrain.train.memento import Memento
from nbtrain.train.modes import enter_training
from nbtrain.train.putting_back import everything_put_back
from nbtrain.train.rehearsal import in_one_line
from nbtrain.train.step import Stepper
from nbtrain.train.work import Work

TRYING_SHARE = 0.05  # of the run's estimated time
MOST_S = 120.0  # however long the run is
UNKNOWN_S = 10.0  # where nobody knows how long it is
PAYS_BACK = 2.0  # times what compiling took: once more where a batch of another size comes
NEVER = -1.0  # a time at which no layer sample is due


@dataclass(frozen=True)
class Trying:
    """What is tried, and how much time there is for it.

    Attributes:
        work, scene: the objects. step_s: about what a step takes, None where it was not timed.
        eta_s: how long the run takes as it is, None where unknown. steps: of the run, None where unknown.
    """

    work: Work
    scene: Scene
    step_s: float | None
    eta_s: float | None
    steps: int | None

    @property
    def budget_s(self) -> float:
        """Seconds that trying may take."""
        return UNKNOWN_S if self.eta_s is None else min(TRYING_SHARE * self.eta_s, MOST_S)

    def refused(self) -> str:
        """Say why nothing can be tried at all, "" where it can."""
        if self.scene.batch is None or self.step_s is None:
            return "Nothing is tried: there is no batch that could be looked at, or none that went through."
        if next(self.work.model.parameters()).device != self.work.device:
            return (
                f"Nothing is tried: the model moves to {self.work.device} when the run starts. Put it there "
                "first, and steps can be timed."
            )
        if isinstance(self.work.optimizer, torch.optim.LBFGS):
            return "Nothing is tried: LBFGS evaluates as often as it likes in a step, so steps tell no time."
        if active.alive():
            return "Nothing is tried: another run trains now, and timings beside it would tell nothing."
        least_s = 3 * STEPS * self.step_s + cost_of(self.step_s)
        if least_s > self.budget_s:
            return (
                f"Nothing is tried: it would take {units.seconds(least_s)} at least, and "
                f"{units.percent(TRYING_SHARE, 0)} of the run is {units.seconds(self.budget_s)}."
            )
        return ""


def try_out(trying: Trying, chosen: Chosen) -> tuple[Trials, Chosen]:
    """Try every candidate; return what came of it, and what is to be trained with.

    Args:
        chosen: how steps are taken without any.
    """
    began = time.perf_counter()
    if remark := trying.refused():
        rows = [_not_tried(one, one.unfit(trying.scene) or "see above") for one in candidates()]
        return Trials(tuple(rows), budget_s=trying.budget_s, remark=remark), chosen
    work = trying.work
    with active.borrowed(work.model.parameters(), "Trying what is faster"):
        memento = Memento((work.model, work.optimizer, work.scheduler, work.criterion))
        with everything_put_back(work.model, memento, keep_generators=True):
            enter_training(work.model)
            bench = _Bench(trying, memento, began)
            rows, chosen = bench.try_all(chosen)
    before_ms = next((row.before_ms for row in rows if row.before_ms is not None), None)
    after_ms = next((row.after_ms for row in reversed(rows) if row.verdict == KEPT), before_ms)
    took_s = time.perf_counter() - began
    return Trials(tuple(rows), took_s, trying.budget_s, before_ms, after_ms, bench.remark or ""), chosen


def _not_tried(candidate: Candidate, why: str) -> Trial:
    return Trial(candidate.id, candidate.title, candidate.effect, NOT_TRIED, why)


class _Bench:
    """Takes steps in one way and another, each time from the same start."""

    def __init__(self, trying: Trying, memento: Memento, began: float) -> None:
        self._trying, self._memento, self._began = trying, memento, began
        self._group = [trying.scene.batch] * trying.scene.options.accumulate
        self._step_s = trying.step_s
        self.remark: str | None = None

    def try_all(self, chosen: Chosen) -> tuple[list[Trial], Chosen]:
        """Try every candidate upon what was kept before it."""
        try:
            self._reference, self._redrawn = self._losses(chosen, seed=0), self._losses(chosen, seed=1)
        except Exception as error:  # the person's own code: the run shows it with its traceback
            self.remark = f"Nothing is tried: a step of the run failed ({in_one_line(error)})."
        else:
            if not all(map(math.isfinite, self._reference)):
                self.remark = "Nothing is tried: the loss is not finite within a few steps as it is."
        rows = []
        for candidate in candidates():
            why = candidate.unfit(self._trying.scene)
            if not why and self.remark is None:
                why = self._no_time_for(candidate)
            elif not why:
                why = "see above"
            if why:
                rows.append(_not_tried(candidate, why))
                continue
            row, chosen = self._try(candidate, chosen)
            rows.append(row)
        return rows, chosen

    def _no_time_for(self, candidate: Candidate) -> str:
        extra_s = candidate.costs_s(self._trying.scene)
        if extra_s and self._trying.steps is None:
            return "how long the run is, and whether it pays back, is not known"
        needed_s = extra_s + STEPS * self._step_s + cost_of(self._step_s)
        left_s = self._trying.budget_s - (time.perf_counter() - self._began)
        if needed_s <= left_s:
            return ""
        budget = units.seconds(self._trying.budget_s)
        return (
            f"it takes about {units.seconds(needed_s)}, and {units.seconds(max(left_s, 0.0))} are left of "
            f"the {budget} ({units.percent(TRYING_SHARE, 0)} of the run) that trying may take"
        )

    def _try(self, candidate: Candidate, chosen: Chosen) -> tuple[Trial, Chosen]:
        row = Trial(candidate.id, candidate.title, candidate.effect, NOT_KEPT, "")
        try:
            new = chosen.with_one(candidate, self._trying.scene)
            began = time.perf_counter()
            losses = self._losses(new, seed=0)
            first_s = time.perf_counter() - began
            if why := disagreement(losses, self._reference, self._redrawn, candidate.effect):
                return replace(row, why=why), chosen
            found = compare(self._timer(chosen), self._timer(new), self._step_s)
        except Exception as error:  # what it does not support, no memory: it is not used then
            return replace(row, why=f"it failed here ({in_one_line(error)})"), chosen
        self._step_s = min(self._step_s, found.before_s)
        row = replace(row, before_ms=found.before_s * 1e3, after_ms=found.after_s * 1e3)
        extra_s = first_s - STEPS * found.after_s if candidate.costs_s(self._trying.scene) else 0.0
        if why := _not_worth_it(found, extra_s, self._trying.steps):
            return replace(row, why=why), chosen
        gain = units.percent(1 - found.after_s / found.before_s, 0)
        return replace(row, verdict=KEPT, why=f"{gain} less time a step"), new

    def _losses(self, chosen: Chosen, *, seed: int) -> list[float]:
        """Return the losses of some steps from the start of all."""
        self._memento.restore()
        torch.manual_seed(seed)
        stepper = self._stepper(chosen)
        with chosen.switched_on(self._trying.scene):
            for parameter in self._trying.work.model.parameters():
                parameter.grad = None
            taken = [stepper.step(self._group, number, NEVER).loss for number in range(1, STEPS + 1)]
            losses = [float(loss) for loss in taken]  # device sync: before the run
        self._refuse_pieces(stepper)
        return losses

    def _timer(self, chosen: Chosen) -> Callable[[int], float]:
        stepper, scene = self._stepper(chosen), self._trying.scene

        def seconds(count: int) -> float:
            with chosen.switched_on(scene):
                stepper.step(self._group, 1, NEVER)
                _wait_for(scene.device)
                began = time.perf_counter()
                for number in range(2, count + 2):
                    stepper.step(self._group, number, NEVER)
                _wait_for(scene.device)
                took = time.perf_counter() - began
            self._refuse_pieces(stepper)
            return took

        return seconds

    def _stepper(self, chosen: Chosen) -> Stepper:
        work, setting = self._trying.work, chosen.setting
        stepper = Stepper(
            work.model, work.optimizer, task=setting.task, precision=setting.precision, device=work.device,
            clip=work.options.clip,
        )  # fmt: skip
        stepper.pieces.arrange = setting.arrange
        return stepper

    @staticmethod
    def _refuse_pieces(stepper: Stepper) -> None:
        if stepper.pieces.most is not None:
            raise MemoryError("a step does not fit into memory")


def _not_worth_it(found: Comparison, extra_s: float, steps: int | None) -> str:
    """Say why a candidate that trains the same is not kept, "" where it is."""
    gained = found.before_s - found.after_s
    if not found.is_faster:
        if gained <= 0:
            return "no faster" if -gained <= found.needed_s else "slower"
        least = units.percent(found.needed_s / found.before_s, 0)
        why = "the margin" if found.needed_s <= MARGIN * found.before_s else "the noise of this machine"
        return f"{units.percent(gained / found.before_s, 0)} less time a step; {least} is the least ({why})"
    if extra_s > 0 and steps is not None and gained * steps < PAYS_BACK * extra_s:
        return (
            f"it would save {units.seconds(gained * steps)} of the run, and its first step takes "
            f"{units.seconds(extra_s)}"
        )
    return ""


def _wait_for(device: Any) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)  # device sync: before a run, to time steps
