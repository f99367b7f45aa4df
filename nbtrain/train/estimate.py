"""How long a run will take, added up from what was timed: loading, steps, validation, saving checkpoints.

Nothing here measures; it is said what the sum rests on and how far the timings lay apart.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nbtrain import units
from nbtrain.notebook.pace import Pace, time_loader
from nbtrain.train.data import batches_of
from nbtrain.train.rehearsal import Rehearsal
from nbtrain.train.save_time import saves, time_save
from nbtrain.train.saving_cost import saving_cost
from nbtrain.train.update_time import time_update

UNTIMED_UPDATE = 0.2  # of forward and backward, where the update could not be tried
LOOP_S = 1.5e-4  # bookkeeping of a step: recorder, accuracy, gradient norm (benchmarks/loop_overhead.py)
RUN_S = 0.1  # the first step, and what stands at a run's beginning and end
HANDED_S = 2e-4  # a worker's batch through shared memory to the training thread
WORKER_START_S = {"fork": 0.06}  # an epoch's start of one worker; others import torch anew
WORKER_IMPORT_S = 2.0
RANGE_FROM = 1.4  # of high_s over low_s, from which on both are said
SHARED = 0.5  # of the timed steps' time; with less computing in it somebody else held the processors
LEVELS = (25, 0, 50)  # percentiles of the timings that the estimate, its low and its high end rest on


@dataclass(frozen=True)
class Estimate:
    """Seconds of a whole run.

    Attributes:
        seconds: by the lower quartile of the timings, low_s by their fastest, high_s by their middle: what
            else the machine does makes single timings longer, never shorter.
        parts: seconds of "training", "loading", "validation", "epochs" (begin and end, workers) and "saving"
            (checkpoints) in `seconds`.
        basis: what it rests on, in a clause.
    """

    seconds: float
    low_s: float
    high_s: float
    parts: dict[str, float]
    basis: str

    def __str__(self) -> str:
        if self.high_s < RANGE_FROM * self.low_s:
            return f"about {units.seconds(rounded(self.seconds))}"
        return f"{units.seconds(rounded(self.low_s))} to {units.seconds(rounded(self.high_s))}"


@dataclass(frozen=True)
class Amounts:
    """How much there is to do.

    Attributes:
        steps: optimizer steps. micro_batches: batches of training data. epochs: epochs begun.
        validations: passes over the validation data. validation_batches: batches of one.
    """

    steps: int
    micro_batches: int
    epochs: int
    validations: int = 0
    validation_batches: int = 0


def amounts(work: Any, length: tuple[int | None, int | None, int | None]) -> Amounts | None:
    """Return how much a run does; None where its length is not known.

    Args:
        length: (epochs, optimizer steps, optimizer steps an epoch).
    """
    epochs, steps, per_epoch = length
    if not steps:
        return None
    micro_batches = steps * work.options.accumulate
    if per_epoch and (batches := batches_of(work.train_loader)):  # the last step of an epoch may have fewer
        micro_batches = steps // per_epoch * batches + steps % per_epoch * work.options.accumulate
    epochs = epochs or 1
    validation_batches = batches_of(work.val_loader) if work.val_loader is not None else 0
    if not validation_batches:
        return Amounts(steps, micro_batches, epochs)
    every = work.options.val_every
    within = steps // every if every else 0
    both = epochs if every and per_epoch and per_epoch % every == 0 else 0  # those at an epoch's end are one
    return Amounts(steps, micro_batches, epochs, epochs + within - both, validation_batches)


def estimate(
    work: Any, rehearsal: Rehearsal, validation_s: Sequence[float], todo: Amounts | None
) -> Estimate | str:
    """Return the estimate, or in a clause why there is none.

    Args:
        validation_s: seconds of a validation batch's forward, timed a few times; empty where there is none.
    """
    if todo is None:
        return "not known: the training data has no length"
    if not rehearsal.times_s:
        return "not known before the first steps: nothing could be timed"
    if next(work.model.parameters()).device != work.device:
        return f"not known before the first steps: the model moves to {work.device}"
    judges = todo.validations > 0
    timed = _Timed(
        rehearsal.times_s, rehearsal.busy, time_update(work.optimizer), tuple(validation_s),
        (time_loader(work.train_loader), time_loader(work.val_loader) if judges else None),
        time_save(work.model, work.optimizer, Path(work.options.dir)), saving_cost(work).seconds,
    )  # fmt: skip
    sums = [_sum(work, todo, at, timed) for at in LEVELS]
    middle, low, high = (sum(parts.values()) for parts in sums)
    return Estimate(middle, low, high, sums[0], _basis(timed, todo, sums[0]))


@dataclass(frozen=True)
class _Timed:
    """Seconds of each part, a few readings of each: a micro-batch forward and backward (and which share of
    that was computing), an update, a validation batch's forward, the loaders, a checkpoint on its way to the
    disk, and what of it the training misses.
    """

    times: Sequence[float]
    busy: float
    update: Sequence[float]
    validation: Sequence[float]
    paces: tuple[Pace | None, Pace | None]
    save: Sequence[float]
    pause_s: float


def _sum(work: Any, todo: Amounts, at: float, timed: _Timed) -> dict[str, float]:
    """Add up with one reading of each timing: the percentile `at` of them."""

    def pick(timings: Sequence[float]) -> float:
        return float(np.percentile(timings, at))

    # at its fastest a step takes what it computed, where others held the processors meanwhile
    forward = pick(timed.times) * (timed.busy if at == 0 and timed.busy < SHARED else 1.0)
    updating = todo.steps * ((pick(timed.update) if timed.update else UNTIMED_UPDATE * forward) + LOOP_S)
    computing = todo.micro_batches * forward + updating
    a_batch = computing / todo.micro_batches
    loading = todo.micro_batches * waiting(work.train_loader, timed.paces[0], at, a_batch)
    validating = 0.0
    if todo.validations:
        judged = pick(timed.validation) if timed.validation else forward / 3  # a forward is about a third
        judged += waiting(work.val_loader, timed.paces[1], at, judged)
        validating = todo.validations * todo.validation_batches * judged
    begun = RUN_S + todo.epochs * _start_of(work.train_loader) + todo.validations * _start_of(work.val_loader)
    writing_s, seconds = pick(timed.save), computing + loading + validating
    save_s = min(writing_s, timed.pause_s)
    count = saves(
        epochs=todo.epochs, steps=todo.steps, every=work.options.checkpoint_every,
        judged=todo.validations > 0, seconds=seconds, save_s=save_s,
    )  # fmt: skip
    # written beside the training, which waits for the disk where saves follow faster, and at the end
    saving = writing_s + (count - 1) * max(save_s, writing_s - seconds / count)
    return {
        "training": computing, "loading": loading, "validation": validating, "epochs": begun,
        "saving": saving,
    }  # fmt: skip


def waiting(loader: Any, pace: Pace | None, at: float, computing: float) -> float:
    """Return how long the loop waits for a batch, in seconds.

    Without workers a batch is made when it is asked for. Workers make batches while the loop computes: it
    waits for what they are slower than it. Their waiting (a disk) overlaps freely, their computing only as
    far as there are processors, of which the training itself takes its threads.
    """
    if pace is None:
        return 0.0
    batch_s = float(np.percentile(pace.times, at))
    workers = getattr(loader, "num_workers", 0)
    if not workers:
        return batch_s
    processors = _processors()
    busy, idle = batch_s * pace.busy, batch_s * (1 - pace.busy)
    supply = idle / workers + busy / min(workers, processors)
    contended = (busy + computing * min(torch.get_num_threads(), processors)) / processors
    return max(supply, contended, computing) - computing + HANDED_S


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_of(loader: Any) -> float:
    """Return the seconds it takes to start a pass: its workers, unless they stay."""
    workers = getattr(loader, "num_workers", 0)
    if not workers or getattr(loader, "persistent_workers", False):
        return 0.0
    method = torch.multiprocessing.get_start_method(allow_none=True) or "fork"
    context = getattr(loader, "multiprocessing_context", None)
    method = context.get_start_method() if hasattr(context, "get_start_method") else method
    return workers * WORKER_START_S.get(method, 0.0) + (0.0 if method == "fork" else WORKER_IMPORT_S)


def _basis(timed: _Timed, todo: Amounts, parts: dict[str, float]) -> str:
    count = len(timed.times)
    a_step = (parts["training"] + parts["loading"]) / todo.steps
    said = [f"{units.seconds(a_step)} a step, by {count} timed step{'s' if count > 1 else ''}"]
    if timed.busy < SHARED:
        said.append("which other work on this machine slowed down")
    if not timed.update:
        said.append("the update guessed")
    if timed.paces[0] is None:
        said.append("loading not timed")
    else:
        said.append(f"{units.seconds(parts['loading'] / todo.steps)} of it waiting for data")
    if todo.validations:
        said.append(f"{units.seconds(parts['validation'] / todo.validations)} a validation")
    if parts["saving"] > 0.1 * sum(parts.values()):
        said.append(f"{units.seconds(parts['saving'])} saving checkpoints")
    return ", ".join(said)


def rounded(value: float) -> float:
    """Round to what an estimate can say: two digits under a minute, then 5 s, a minute, a quarter of an hour.
    """
    if value < 60:
        return float(f"{value:.1e}")
    for below, unit in ((600, 5), (7200, 60), (86_400, 900)):
        if value < below:
            return round(value / unit) * float(unit)
    return round(value / 3600) * 3600.0
