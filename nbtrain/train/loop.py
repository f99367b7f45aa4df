"""The training loop: the whole story, top to bottom. No UI, no print, no disk, no host read of a device
value in a step.

One step is in `nbtrain.train.step`, validation in `nbtrain.train.evaluate`; everything else happens here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.telemetry.recorder import Recorder
from nbtrain.train.control import Control, Stopped
from nbtrain.train.evaluate import evaluate
from nbtrain.train.events import Callbacks
from nbtrain.train.modes import enter_training
from nbtrain.train.state import State
from nbtrain.train.step import Stepper
from nbtrain.train.work import Work
from nbtrain.train.workers import iterate


def fit(
    work: Work, state: State, control: Control, *, recorder: Recorder, callbacks: Callbacks, stepper: Stepper
) -> None:
    """Train until the epochs or the steps are used up, or until someone asks to stop.

        on_start
        for each epoch:
            for each group of `accumulate` micro-batches:
                zero_grad(set_to_none)
                for each micro-batch: forward under autocast, loss / k, scaled backward
                unscale, gradient norm, clip, optimizer step          (step.py)
                scheduler step, when it counts steps
                row to the recorder                                   (device scalars, not read)
                on_step
                mailbox: save, set lr, pause, stop                    (control.py; a Stopped ends the run
                here) every `val_every` steps: validate, on_evaluation
            validate in eval mode without gradients, on_evaluation    (evaluate.py; modes restored)
            scheduler step, when it counts epochs or evaluations
            on_epoch                                                  (row of metrics.json, checkpoint, early
            stopping)
            mailbox: stop after epoch
        on_end

    Raises:
        Stopped: the run was asked to end, by hand or by a callback; everything stands at a step boundary.
        Exception: whatever the person's model, data or loss raised.
    """
    enter_training(work.model)
    callbacks.tell("on_start", work, state)
    try:
        while not _finished(state):
            state.epoch += 1
            state.batch = 0
            if not _train_epoch(
                work, state, control, recorder=recorder, callbacks=callbacks, stepper=stepper
            ):
                state.epoch -= 1
                break
            control.at_epoch_end()
    except Stopped as stop:
        state.stop_reason = str(stop)
        recorder.flush()
        callbacks.tell("on_end", work, state)
        raise
    recorder.flush()
    callbacks.tell("on_end", work, state)


def _finished(state: State) -> bool:
    epochs_done = state.total_epochs is not None and state.epoch >= state.total_epochs
    return epochs_done or _steps_done(state)


def _steps_done(state: State) -> bool:
    return state.total_steps is not None and state.step >= state.total_steps


def _train_epoch(
    work: Work, state: State, control: Control, *, recorder: Recorder, callbacks: Callbacks, stepper: Stepper
) -> bool:
    """Train one epoch and judge it; False when a one-shot loader had nothing left."""
    options, groups = work.options, work.optimizer.param_groups
    clock, epoch_began, samples_before, trained_before = (
        time.perf_counter,
        time.perf_counter(),
        state.samples,
        state.train_s,
    )
    state.phase = "training"
    last = clock()
    for group in _grouped(iterate(work.train_loader), options.accumulate):
        loss, norm, samples = stepper.step(group, state.step + 1, last)
        now = clock()
        state.step += 1
        state.batch += len(group)
        state.samples += samples
        state.train_s += now - last
        recorder.add(state.step, loss, norm, groups[0]["lr"], samples, now - last, now)
        if work.schedule.every == "step":
            work.schedule.at_step()
        if callbacks.each_step:
            callbacks.tell("on_step", work, state)
        last = now
        if control.pending:
            recorder.flush()
            state.paused_s += control.at_boundary(state)
            last = clock()
        if options.val_every and state.step % options.val_every == 0 and not _steps_done(state):
            judge(work, state, control, callbacks)
            last = clock()
        if _steps_done(state):
            break
    if state.batch == 0:
        if state.epoch == 1:
            raise UsageError(
                "The training loader gave no batch.", suggestion="Check its data set and batch size."
            )
        state.stop_reason = "the data is used up: the loader can be read only once"
        return False
    row = _epoch_row(work, state, recorder, stepper)
    values = judge(work, state, control, callbacks) or {}
    if work.schedule.every == "epoch":
        work.schedule.at_epoch()
    elif work.schedule.every == "evaluation":
        work.schedule.at_evaluation(values.get("val_loss", row["train_loss"]))
    trained = state.train_s - trained_before
    row |= values
    row["samples_per_s"] = (state.samples - samples_before) / trained if trained > 0 else math.nan
    row["epoch_time_s"] = clock() - epoch_began
    callbacks.tell("on_epoch", work, state, row)
    return True


def _epoch_row(work: Work, state: State, recorder: Recorder, stepper: Stepper) -> dict[str, float]:
    row: dict[str, float] = {"epoch": state.epoch, "step": state.step, **recorder.take_epoch()}
    accuracy = stepper.take_accuracy()
    if accuracy == accuracy:
        row["train_acc"] = accuracy
    row["lr"] = float(work.optimizer.param_groups[0]["lr"])
    return row


def judge(work: Work, state: State, control: Control, callbacks: Callbacks) -> dict[str, float] | None:
    """Validate, keep count of the best, tell it;
    None without validation data or when broken off by a stop.
    """
    if work.val_loader is None:
        return None
    state.phase = "validating"
    values = evaluate(
        work.model, iterate(work.val_loader), task=work.task, precision=work.precision, device=work.device,
        measures=(work.hits, work.options.metrics), wanted=lambda: not control.stopping,
    )  # fmt: skip
    state.phase = "training"
    if values is None:
        return None
    if values["val_loss"] < state.best_val_loss:
        state.best_val_loss, state.best_val_step, state.best_val_epoch = (
            values["val_loss"],
            state.step,
            state.epoch,
        )
    callbacks.tell("on_evaluation", work, state, values)
    return values


def _grouped(batches: Iterable[Any], size: int) -> Iterator[tuple[Any, ...]]:
    """Yield tuples of `size` micro-batches;
    the last may be shorter, and its loss is divided by its own length.
    """
    if size == 1:
        for batch in batches:
            yield (batch,)
        return
    group: list[Any] = []
    for batch in batches:
        group.append(batch)
        if len(group) == size:
            yield tuple(group)
            group = []
    if group:
        yield tuple(group)
