"""Checkpoints: taken at step boundaries, never of weights that are not finite, written beside the training.

The training pauses for a copy in the host's memory; serialising, hashing, fsync and commit happen in a thread
of their own, one save at a time: the next waits for it. Until it is written a copy costs as much memory as
the checkpoint has bytes, and that memory is kept for the next one; where there is no room for it, the
training waits for the disk instead. The end of a run waits until everything is on the disk.

Where epochs are shorter than that is worth, the saves at epochs' ends are thinned out so that saving takes at
most SAVING_SHARE of the time; the best one is then held in memory until it is written. With `auto` saves come
as often as that share allows, within epochs too. A disk that refuses, or a state that cannot be saved, is
said and never ends the run.

What is saved is always a point from which a longer or undisturbed run would go on in the same way: a run that
ends with its last step in the middle of an epoch, or within a validation, is saved as it stood just before.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from typing import Any

from nbtrain import units
from nbtrain.running.saver import Saver, Snapshot
from nbtrain.runs.plain import for_torch, tensor_bytes
from nbtrain.train.events import Callback
from nbtrain.train.finite import all_finite

AUTO = "auto"
SAVING_SHARE = 0.03  # of the run's time, at epochs' ends; CheckFreq (FAST'21) bounds it at 3.5 %
AUTO_LEAST_S = 30.0  # between saves with `auto`: who loses less than half a minute has lost nothing
LONG_S = 600.0  # within an epoch, too, at most so much of a training can be lost
HOLD_BYTES = 1024**3  # a best checkpoint larger than this is written at once instead of held
POLL_S = 0.05  # between looks whether the writing is done and the next save is due: a look takes 1 us


class Checkpoints(Callback):
    """Save every N steps, at each epoch's end or as often as is cheap; when asked, and at the end.

    Args:
        store: where checkpoints go. every: optimizer steps between saves, None for each epoch, "auto" for as
            often as costs at most SAVING_SHARE of the time.
        keep: periodic ones kept. capture: returns everything but the weights (`nbtrain.train.savepoint`).
        on_trouble: told in words what could not be saved. on_saved: told of each checkpoint committed; both
            also from the thread that writes. log: takes a line on what saving costs.
    """

    def __init__(
        self, store: Any, *, every: int | str | None, keep: int, capture: Callable[..., dict[str, Any]],
        on_trouble: Callable[[str], None], on_saved: Callable[[Any], None],
        log: Callable[[str], None] = lambda line: None,
    ) -> None:  # fmt: skip
        self._auto = every == AUTO
        self._every, self._capture, self._log = None if self._auto else every, capture, log
        self._saver = Saver(store, keep=keep, on_trouble=on_trouble, on_saved=on_saved)
        self._metrics: dict[str, float] = {}
        self._cut: tuple[int, dict[str, Any]] | None = None  # step, what is saved for it
        self._is_last = False
        self._saved_step, self._saved_judged = 0, False
        self._due = time.monotonic() + AUTO_LEAST_S if self._auto else 0.0
        self._look_at = 0.0
        self._held: Snapshot | None = None
        self._said_interval_s = 0.0

    def begin_at(self, step: int) -> None:
        """Begin at a step that is saved already, that of a resumed run."""
        self._saved_step, self._saved_judged = step, True

    def on_step(self, work: Any, state: Any) -> None:
        """Save at every N-th step; write a best one that is held as soon as it is due."""
        if self._every and state.step % self._every == 0:
            self.save(work, state)
        elif (now := time.monotonic()) >= self._look_at:
            self._look(work, state, now)

    def _look(self, work: Any, state: Any, now: float) -> None:
        self._look_at = now + POLL_S
        if self._saver.busy:
            return
        self.settle()
        if now < self._due:
            return
        too_long = not self._every and now - self._saver.began >= LONG_S
        if self._auto or too_long or self._held is not None:
            self.save(work, state, only_held=not (self._auto or too_long))

    def on_cut(self, work: Any, state: Any) -> None:
        """Stand by this moment: a run with more steps goes on from here, without the validation to come."""
        self._cut_here(state)
        self._is_last = True

    def on_judging(self, work: Any, state: Any) -> None:
        """Stand by this moment while the validation lasts: broken off, it is done again."""
        if not self._is_last:
            self._cut_here(state)

    def _cut_here(self, state: Any) -> None:
        with self._saver.said(state.step):
            rest = self._capture()
            # the optimizer's tensors stay as they are until its next step; the scheduler may move before
            self._cut = state.step, {**rest, "scheduler": copy.deepcopy(rest["scheduler"])}

    def on_empty_evaluation(self, work: Any, state: Any) -> None:
        """The validation is over, though it gave nothing."""
        if not self._is_last:
            self._cut = None

    def on_evaluation(self, work: Any, state: Any, values: dict[str, float]) -> None:
        """Remember what the weights of this step are worth; hold them when they are the best so far."""
        self.on_empty_evaluation(work, state)
        self._metrics = {**values, "step": state.step}
        if state.best_val_step == state.step:
            with self._saver.said(state.step):
                self._hold(work, state)

    def on_epoch(self, work: Any, state: Any, row: dict[str, float]) -> None:
        """Save at the epoch's end when it is due; the best so far is held when it is not."""
        if self._every or self._saver.busy:
            return
        self.settle()
        if time.monotonic() >= self._due:
            self.save(work, state, train_loss=row.get("train_loss"))

    def on_end(self, work: Any, state: Any) -> None:
        """Write the best one if it is still held, then where the run ended, so that `last` is last."""
        self.save(work, state, wait=True)
        self._saver.let_go()
        if self._saver.saving.saves:
            self._log(str(self._saver.saving))

    def state_dict(self) -> dict[str, Any]:
        """Return what the weights were worth when last validated."""
        return {"metrics": self._metrics}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Know it again."""
        self._metrics = dict(state["metrics"])

    def on_failure(self, work: Any, state: Any) -> None:
        """Save what was learned until an exception. What was drawn since the last step is drawn already."""
        self.save(work, state, clean=False, wait=True)

    def save(
        self, work: Any, state: Any, *, train_loss: float | None = None, clean: bool = True,
        wait: bool = False, only_held: bool = False,
    ) -> None:  # fmt: skip
        """Have a checkpoint of this step written, once a step, and only when the weights are finite.

        Args:
            train_loss: of the epoch that ends here. clean: False after an exception inside a step.
            wait: return when it is on the disk; else a copy of it is written beside the training.
            only_held: write no more than the best one, where that is held.
        """
        phase, state.phase = state.phase, "saving"
        began = time.monotonic()
        try:
            self.settle()
            jobs = self._held_one(state)
            saved = jobs[0].step if jobs else self._saved_step
            if not only_held and state.step not in (0, saved):
                with self._saver.said(state.step):
                    if all_finite(work.model.parameters()):  # device sync: once a checkpoint
                        jobs.append(self._snapshot(work, state, train_loss, clean=clean))
                    else:
                        self._saver.on_trouble(
                            f"no checkpoint at step {state.step:,}: the weights hold NaN or infinite values"
                        )
            if jobs:
                self._note(self._saver.write(jobs, began, wait=wait))
        finally:
            state.phase = phase

    def settle(self) -> None:
        """Wait until nothing is being written, and take note of what came of it."""
        self._note(self._saver.settle())

    def _note(self, done: list[Snapshot] | None) -> None:
        """Note which step is on the disk, and when the next is due."""
        if done is None:
            return
        for job in done:
            self._saved_step, self._saved_judged = job.step, "val_loss" in job.metrics
        interval_s = self._saver.saving.newest_s / SAVING_SHARE
        if self._auto:
            interval_s = max(interval_s, AUTO_LEAST_S)
            self._say_interval(interval_s)
        self._due = self._saver.began + interval_s

    def _held_one(self, state: Any) -> list[Snapshot]:
        """The best one, if it is held and has to be written; it is held no longer."""
        held, self._held = self._held, None
        if held is None:
            return []
        superseded = held.step == state.step != self._saved_step  # this save takes its place
        known = held.step == self._saved_step and self._saved_judged
        if superseded or known or held.step != state.best_val_step:
            self._saver.give_back(held)
            return []
        return [held]

    def _say_interval(self, interval_s: float) -> None:
        if not 0.75 * self._said_interval_s <= interval_s <= self._said_interval_s / 0.75:
            self._said_interval_s = interval_s
            took_s = units.seconds(self._saver.saving.newest_s)
            self._log(f"a save takes {took_s} of the training's time: one every {units.seconds(interval_s)}")

    def _hold(self, work: Any, state: Any) -> None:
        if not all_finite(work.model.parameters()):  # device sync: once for each best evaluation
            return
        began = time.monotonic()
        snapshot = self._snapshot(work, state, None)
        if tensor_bytes(snapshot.data) > HOLD_BYTES:
            self.save(work, state)
            return
        if self._held is not None:
            self._saver.give_back(self._held)
            self._held = None
        if self._saver.hold_still(snapshot):
            self._held = snapshot
            self._saver.saving.paused_s += time.monotonic() - began
        else:
            self.save(work, state)

    def _snapshot(self, work: Any, state: Any, train_loss: float | None, *, clean: bool = True) -> Snapshot:
        metrics: dict[str, float] = {}
        if self._metrics.get("step") == state.step:
            metrics = {name: value for name, value in self._metrics.items() if name != "step"}
        if train_loss is not None and math.isfinite(train_loss):
            metrics["train_loss"] = train_loss
        if self._cut is not None and self._cut[0] == state.step:
            rest = self._cut[1]
        else:
            rest = self._capture(clean=clean)
        data = {
            "model": for_torch(work.model.state_dict(), "model_state"),
            "state": for_torch(rest, "state"),
        }
        return Snapshot(state.step, state.epoch, data, metrics)

