"""Checkpoints: taken at step boundaries, never of weights that are not finite, on the training thread.

The training pauses for the copy to disk. Where epochs are shorter than that is worth, those at epochs' ends
are thinned out so that saving takes at most SAVING_SHARE of the time; the best one is then held in memory
until it is written. A disk that refuses, or a state that cannot be saved, is said and never ends the run.

What is saved is always a point from which a longer or undisturbed run would go on in the same way: a run that
ends with its last step in the middle of an epoch, or within a validation, is saved as it stood just before.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from nbtrain.errors import UserError
from nbtrain.runs.plain import tensor_bytes
from nbtrain.train.events import Callback
from nbtrain.train.finite import all_finite

SAVING_SHARE = 0.03  # of the run's time, at epochs' ends; CheckFreq (FAST'21) bounds it at 3.5 %
LONG_S = 600.0  # within an epoch, too, at most so much of a training can be lost
HOLD_BYTES = 1024**3  # a best checkpoint larger than this is written at once instead of held


@dataclass(frozen=True)
class Snapshot:
    """A checkpoint to be: everything it holds, as of one step."""

    step: int
    epoch: int
    model_state: dict[str, Any]
    rest: dict[str, Any]
    metrics: dict[str, float]

    def held(self) -> Snapshot:
        """Return a copy that later steps do not touch."""
        return replace(self, model_state=copy.deepcopy(self.model_state), rest=copy.deepcopy(self.rest))


class Checkpoints(Callback):
    """Save every N steps or at each epoch's end, when asked, and at the end.

    Args:
        store: where checkpoints go. every: optimizer steps between saves, None for each epoch.
        keep: periodic ones kept. capture: returns everything but the weights (`nbtrain.train.savepoint`).
        on_trouble: told in words what could not be saved. on_saved: told of each checkpoint committed.
    """

    def __init__(
        self, store: Any, *, every: int | None, keep: int, capture: Callable[..., dict[str, Any]],
        on_trouble: Callable[[str], None], on_saved: Callable[[Any], None],
    ) -> None:  # fmt: skip
        self._store, self._every, self._keep, self._capture = store, every, keep, capture
        self._on_trouble, self._on_saved = on_trouble, on_saved
        self._metrics: dict[str, float] = {}
        self._cut: tuple[int, dict[str, Any]] | None = None  # step, what is saved for it
        self._is_last = False
        self._saved_step, self._saved_judged = 0, False
        self._due, self._saved_at = 0.0, time.monotonic()
        self._held: Snapshot | None = None

    def begin_at(self, step: int) -> None:
        """Begin at a step that is saved already, that of a resumed run."""
        self._saved_step, self._saved_judged = step, True

    def on_step(self, work: Any, state: Any) -> None:
        """Save at every N-th step; write a best one that is held as soon as it is due."""
        if self._every and state.step % self._every == 0:
            self.save(work, state)
        elif (now := time.monotonic()) >= self._due:
            if self._held is not None:
                self.write_held(state)
            if not self._every and now - self._saved_at >= LONG_S:
                self.save(work, state)

    def on_cut(self, work: Any, state: Any) -> None:
        """Stand by this moment: a run with more steps goes on from here, without the validation to come."""
        self._cut_here(state)
        self._is_last = True

    def on_judging(self, work: Any, state: Any) -> None:
        """Stand by this moment while the validation lasts: broken off, it is done again."""
        if not self._is_last:
            self._cut_here(state)

    def _cut_here(self, state: Any) -> None:
        with self._said(state.step):
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
            with self._said(state.step):
                self._hold(work, state)

    def on_epoch(self, work: Any, state: Any, row: dict[str, float]) -> None:
        """Save at the epoch's end when it is due; the best so far is held when it is not."""
        if not self._every and time.monotonic() >= self._due:
            self.save(work, state, train_loss=row.get("train_loss"))

    def on_end(self, work: Any, state: Any) -> None:
        """Write the best one if it is still held, then where the run ended, so that `last` is last."""
        self.save(work, state)

    def state_dict(self) -> dict[str, Any]:
        """Return what the weights were worth when last validated."""
        return {"metrics": self._metrics}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Know it again."""
        self._metrics = dict(state["metrics"])

    def on_failure(self, work: Any, state: Any) -> None:
        """Save what was learned until an exception. What was drawn since the last step is drawn already."""
        self.save(work, state, clean=False)

    def save(self, work: Any, state: Any, *, train_loss: float | None = None, clean: bool = True) -> None:
        """Commit a checkpoint of this step, once a step, and only when the weights are finite."""
        phase, state.phase = state.phase, "saving"
        try:
            held = self._held
            if held is not None and held.step == state.step != self._saved_step:
                self._held = None  # this save takes its place
            self.write_held(state)
            if state.step in (0, self._saved_step):
                return
            with self._said(state.step):
                if all_finite(work.model.parameters()):  # device sync: once a checkpoint
                    self._commit(self._snapshot(work, state, train_loss, clean=clean))
                else:
                    self._on_trouble(
                        f"no checkpoint at step {state.step:,}: the weights hold NaN or infinite values"
                    )
        finally:
            state.phase = phase

    def write_held(self, state: Any) -> None:
        """Commit the best one if it is only held; called too when an exception ends the run."""
        held, self._held = self._held, None
        if held is None or held.step != state.best_val_step:
            return
        if held.step != self._saved_step or not self._saved_judged:
            with self._said(held.step):
                self._commit(held)

    @contextmanager
    def _said(self, step: int) -> Iterator[None]:
        """Say what fails in the block: the disk, no memory for a copy, a state_dict of the person's own."""
        try:
            yield
        except Exception as error:
            kind = "" if isinstance(error, (UserError, OSError)) else f"{type(error).__name__}: "
            self._on_trouble(
                f"the checkpoint of step {step:,} could not be saved: {kind}{error} Training goes on."
            )

    def _hold(self, work: Any, state: Any) -> None:
        if not all_finite(work.model.parameters()):  # device sync: once for each best evaluation
            return
        snapshot = self._snapshot(work, state, None)
        if _bytes(snapshot) > HOLD_BYTES:
            self.save(work, state)
        else:
            self._held = snapshot.held()

    def _commit(self, snapshot: Snapshot) -> None:
        began = time.monotonic()
        try:
            info = self._store.save(
                snapshot.step, snapshot.model_state, snapshot.rest,
                epoch=snapshot.epoch, metrics=snapshot.metrics, keep=self._keep,
            )  # fmt: skip
        finally:
            self._saved_at = time.monotonic()
            self._due = began + (time.monotonic() - began) / SAVING_SHARE
        self._saved_step, self._saved_judged = snapshot.step, "val_loss" in snapshot.metrics
        self._on_saved(info)

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
        return Snapshot(state.step, state.epoch, work.model.state_dict(), rest, metrics)


def _bytes(snapshot: Snapshot) -> int:
    return tensor_bytes(snapshot.model_state) + tensor_bytes(snapshot.rest)
