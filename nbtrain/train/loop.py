"""The training loop: the whole story, top to bottom. No UI, no print, no disk, no host read in a step.

One step is in `nbtrain.train.step`, validation in `nbtrain.train.evaluate`; everything else happens here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.running.control import Control, Stopped
from nbtrain.running.state import State
from nbtrain.running.workers import iterate
from nbtrain.telemetry.recorder import Recorder
from nbtrain.train.events import Callbacks
from nbtrain.train.feed import Feed
from nbtrain.train.modes import enter_training
from nbtrain.train.step import Stepper
from nbtrain.train.work import Work

USED_UP = "the data is used up: the loader can be read only once"


def fit(
    work: Work, state: State, control: Control, *, feed: Feed, recorder: Recorder, callbacks: Callbacks,
    stepper: Stepper,
) -> None:  # fmt: skip
    """Train until the epochs or the steps are used up, or until someone asks to stop.

    A resumed run enters in the middle of an epoch, or between its steps and its end, where `state` says.

        on_start
        for each epoch:
            for each group of `accumulate` micro-batches:
                zero_grad(set_to_none)
                for each micro-batch: forward under autocast, loss / k, scaled backward
                unscale, gradient norm, clip, optimizer step             (step.py)
                row to the recorder: device scalars, not read; on_numbers tells those that have arrived
                on_skipped, when it was left out: a gradient was not finite
                scheduler step, when it counts steps; on_step
                every `val_every` steps: on_judging, validate, on_evaluation
                mailbox: save, set lr, pause, stop                       (control.py; a Stopped ends the run)
                on_cut, when this was the last step asked for
            on_judging, validate in eval mode, on_evaluation             (evaluate.py; modes restored)
            scheduler step, when it counts epochs or evaluations
            on_epoch: row of metrics.json, checkpoint, early stopping
            mailbox, stop after epoch
        on_end

    Raises:
        Stopped: the run was asked to end, by hand or by a callback; everything stands at a step boundary.
        Exception: whatever the person's model, data or loss raised.
    """
    enter_training(work.model)
    recorder.on_numbers = partial(callbacks.tell, "on_numbers", work, state)
    callbacks.tell("on_start", work, state)
    try:
        while not state.is_finished:
            if state.row is None:
                state.begin_epoch()
                _train_epoch(
                    work, state, control, feed=feed, recorder=recorder, callbacks=callbacks, stepper=stepper
                )
                if state.batch == 0:
                    _no_more(state)
                    break
                state.row = _epoch_row(work, state, recorder, stepper)
            values = _end_epoch(work, state, control, callbacks, state.row["train_loss"])
            row = {**state.row, **(values or {}), "epoch_time_s": state.epoch_time_s}
            if values is not None:
                state.end_epoch()
            callbacks.tell("on_epoch", work, state, row)
            if control.pending:
                control.at_boundary(state)
            if not state.is_finished:
                control.at_epoch_end()
    except Stopped as stop:
        state.stop_reason = str(stop)
        recorder.flush()
        callbacks.tell("on_end", work, state)
        raise
    recorder.flush()
    callbacks.tell("on_end", work, state)


def _train_epoch(
    work: Work, state: State, control: Control, *, feed: Feed, recorder: Recorder, callbacks: Callbacks,
    stepper: Stepper,
) -> None:  # fmt: skip
    """Take the steps of one epoch, or those that a resumed run has left of it."""
    options, schedule, groups = work.options, work.schedule, work.optimizer.param_groups
    clock, means = time.perf_counter, work.task.means
    state.phase = "training"
    if state.batch and options.val_every and state.step % options.val_every == 0:
        _judge(work, state, control, callbacks)  # the checkpoint was taken just before it
        if control.pending:
            control.at_boundary(state)
    last = clock()
    for group in _grouped(feed.batches(state.epoch), options.accumulate):
        waited = clock() - last
        state.wait_s += waited
        if not state.batch:
            state.first_wait_s += waited
        lr = groups[0]["lr"]
        taken = stepper.step(group, state.step + 1, last)
        now = clock()
        state.step += 1
        state.batch += len(group)
        state.samples += taken.samples
        if means is not None:
            state.tokens += sum(map(means.tokens, group))
        state.train_s += now - last
        recorder.add(state.step, taken, lr, now - last, now)
        if taken.skipped is True:  # where only the device knows, on_numbers says so later
            recorder.flush()  # what came before is part of the story
            callbacks.tell("on_skipped", work, state, group)
        if schedule.every == "step":
            schedule.at_step()
        if callbacks.each_step:
            callbacks.tell("on_step", work, state)
        last = now
        if options.val_every and state.step % options.val_every == 0:
            recorder.flush()
            _judge(work, state, control, callbacks)
            last = clock()
        if control.pending:
            recorder.flush()
            control.at_boundary(state)
            last = clock()
        if state.steps_are_done:
            callbacks.tell("on_cut", work, state)
            break


def _no_more(state: State) -> None:
    """Count back an epoch that had no batch, and note why; refuse when it was the first."""
    state.epoch -= 1
    state.end_epoch()
    if state.step == 0:
        raise UsageError(
            "The training loader gave no batch.", suggestion="Check its data set and batch size."
        )
    state.stop_reason = USED_UP


def _epoch_row(work: Work, state: State, recorder: Recorder, stepper: Stepper) -> dict[str, float]:
    """What the steps of this epoch came to."""
    row: dict[str, float] = {"epoch": state.epoch, "step": state.step, **recorder.take_epoch()}
    accuracy = stepper.take_accuracy()
    if accuracy is not None:
        row["train_acc"] = accuracy
    row["lr"] = float(work.optimizer.param_groups[0]["lr"])
    samples, train_s = state.samples - state.epoch_from[0], state.train_s - state.epoch_from[1]
    row["samples_per_s"] = samples / train_s if train_s > 0 else math.nan
    if work.task.means is not None:
        tokens = state.tokens - sum(state.epoch_from[3:4])
        row["tokens_per_s"] = tokens / train_s if train_s > 0 else math.nan
    waited = state.wait_s - sum(state.epoch_from[2:3])
    row["data_wait"] = waited / train_s if train_s > 0 else math.nan
    return row


def _end_epoch(
    work: Work, state: State, control: Control, callbacks: Callbacks, train_loss: float
) -> dict[str, float] | None:
    """Validate, step a scheduler that counts epochs; return what the validation measured.

    None where a stop broke the validation off: the epoch is not over then, and a resumed run ends it.
    """
    values = _judge(work, state, control, callbacks)
    if values is None and control.stopping:
        return None
    work.schedule.at_epoch()
    if work.val_loader is None:
        work.schedule.at_evaluation(train_loss)
    return values or {}


def _watched(work: Work, values: dict[str, float]) -> float:
    """What a ReduceLROnPlateau is given: the loss, or for mode="max" the accuracy or the one metric."""
    if not work.schedule.watches_best:
        return values["val_loss"]
    named = [f"val_{name}" for name in work.options.metrics]
    return values[next((name for name in (*named, "val_acc") if name in values), "val_loss")]


def _judge(work: Work, state: State, control: Control, callbacks: Callbacks) -> dict[str, float] | None:
    """Validate this step once, keep count of the best, tell it.

    Returns:
        What was measured; None without validation data, or when a stop broke it off.
    """
    if work.val_loader is None:
        return None
    if state.judged_step == state.step:  # an evaluation every N steps that falls on the epoch's end
        return state.judged
    state.phase = "validating"
    callbacks.tell("on_judging", work, state)
    values = work.judge.evaluate(iterate(work.val_loader), wanted=lambda: not control.stopping)
    state.phase = "training"
    if values is None:
        if not control.stopping:
            callbacks.tell("on_empty_evaluation", work, state)
        return None
    state.judged_step, state.judged = state.step, values
    if values["val_loss"] < state.best_val_loss:
        state.best_val_loss, state.best_val_step = values["val_loss"], state.step
        state.best_val_epoch = state.epoch
    work.schedule.at_evaluation(_watched(work, values))
    callbacks.tell("on_evaluation", work, state, values)
    return values


def _grouped(batches: Iterable[Any], size: int) -> Iterator[tuple[Any, ...]]:
    """Yield tuples of `size` micro-batches.

    The last of an epoch may be shorter; its loss is divided by its own length.
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
