"""What of our own training can be changed while it goes on: learning rate, epochs, steps, patience."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.running.edits import Edit, lr_edit, whole_of
from nbtrain.running.learning_rate import current_learning_rate
from nbtrain.running.state import State
from nbtrain.train.callbacks.early_stop import EarlyStop
from nbtrain.train.options import ALIASES
from nbtrain.train.schedule import beyond, steps_left
from nbtrain.train.work import Work

NAMES = ("lr", "epochs", "max_steps", "patience")
OFF = ("none", "off", "0", "")


class Editor:
    """Turns wishes into edits of one run.

    Args:
        work, state, early_stop: the run's. steps_per_epoch: optimizer steps, None where unknown.
        set_lr: sets the first group's rate and returns the one before.
    """

    def __init__(
        self, work: Work, state: State, early_stop: EarlyStop, steps_per_epoch: int | None,
        set_lr: Callable[[float], float],
    ) -> None:  # fmt: skip
        self._work, self._state, self._early_stop = work, state, early_stop
        self._per_epoch, self._set_lr = steps_per_epoch, set_lr

    def settings(self) -> dict[str, Any]:
        """Return what can be changed, as it stands; without what has no meaning in this run."""
        state, options = self._state, self._work.options
        found: dict[str, Any] = {"epochs": state.total_epochs, "max_steps": state.max_steps}
        if state.max_steps is not None and "epochs" not in options.given:
            del found["epochs"]  # they only follow from the steps
        if state.max_steps is None:
            del found["max_steps"]
        if self._work.val_loader is not None:
            found["patience"] = self._early_stop.patience
        lr = self._work.optimizer.param_groups[0]["lr"]
        if not getattr(lr, "is_cuda", False):  # the newest row has one on a device, a read here would wait
            found["lr"] = float(lr)
        return found

    def edits(self, wishes: Mapping[str, Any]) -> list[Edit]:
        """Return the edits for all wishes, name -> value; values may be texts, as typed.

        Raises:
            UsageError: an unknown name, or a value that makes no sense now. Then none is to be applied.
        """
        makers = {
            "lr": self._lr, "epochs": self._epochs, "max_steps": self._max_steps, "patience": self._patience,
        }  # fmt: skip
        known = {ALIASES.get(name, name): value for name, value in wishes.items()}
        for name in known:
            if name not in makers:
                close = difflib.get_close_matches(name, NAMES, n=1)
                hint = f"Did you mean `{close[0]}`?" if close else f"These can: {', '.join(NAMES)}."
                raise UsageError(f"`{name}` cannot be changed while a run trains.", suggestion=hint)
        return [makers[name](value) for name, value in known.items()]

    def _lr(self, wish: Any) -> Edit:
        optimizer = self._work.optimizer
        return lr_edit(wish, lambda: current_learning_rate(optimizer), self._set_lr)

    def _epochs(self, wish: Any) -> Edit:
        state, epochs = self._state, whole_of("epochs", wish)
        if epochs < state.epoch:
            raise UsageError(
                f"epochs is {epochs}, and the run is in epoch {state.epoch} already.",
                suggestion=f"{state.epoch} ends it after this one.",
            )
        steps = epochs * self._per_epoch if self._per_epoch else None
        limit = state.max_steps
        if limit is not None and (steps is None or steps > limit):
            raise UsageError(
                f"The run ends at max_steps = {limit:,}, before {epochs} epochs are done.",
                suggestion=f"Change max_steps: {steps:,}." if steps else "Change max_steps.",
            )
        caution = self._schedule_over(epochs=epochs, steps=steps)

        def apply() -> tuple[Any, int]:
            before, state.total_epochs = state.total_epochs, max(epochs, state.epoch)
            state.total_steps = steps
            return before, state.total_epochs

        return Edit("epochs", f"{epochs} epochs", apply, caution)

    def _max_steps(self, wish: Any) -> Edit:
        state, steps = self._state, whole_of("max_steps", wish)
        if steps <= state.step:
            raise UsageError(
                f"max_steps is {steps:,}, and the run is at step {state.step:,} already.",
                suggestion=f"At least {state.step + 1:,}.",
            )
        epochs, total = state.total_epochs, steps
        if self._per_epoch and "epochs" in self._work.options.given and epochs:
            total = min(
                steps, epochs * self._per_epoch
            )  # both limits were asked for; the shorter one ends it
        elif self._per_epoch:
            epochs = -(-steps // self._per_epoch)
        caution = self._schedule_over(epochs=epochs, steps=total)

        def apply() -> tuple[Any, int]:
            before, state.max_steps = state.max_steps, max(steps, state.step)
            state.total_steps, state.total_epochs = total, epochs
            return before, steps

        return Edit("max_steps", f"{steps:,} steps at most", apply, caution)

    def _patience(self, wish: Any) -> Edit:
        if self._work.val_loader is None:
            raise UsageError(
                "Without validation data nothing can stop early.",
                suggestion="Start with --val NAME or --split 0.2.",
            )
        off = wish is None or (isinstance(wish, str) and wish.strip().lower() in OFF)
        patience = None if off else whole_of("patience", wish)

        def apply() -> tuple[Any, Any]:
            before, self._early_stop.patience = self._early_stop.patience, patience
            return before, patience

        return Edit("patience", "no early stopping" if off else f"patience {patience}", apply)

    def _schedule_over(self, *, epochs: int | None, steps: int | None) -> str:
        """Refuse a length that the scheduler fails at; say what it does beyond its own.

        Raises:
            UsageError: a OneCycleLR would raise in the middle of the training.
        """
        scheduler, every = self._work.scheduler, self._work.schedule.every
        wanted = {"step": steps, "epoch": epochs}.get(every)
        now = self._state.step if every == "step" else max(self._state.epoch - 1, 0)
        if wanted is None:
            return ""
        left = steps_left(scheduler)
        if left is not None and wanted - now > left:
            name = self._work.names.get("scheduler") or "scheduler"
            per = f", {(now + left) // self._per_epoch} epochs" if every == "step" and self._per_epoch else ""
            raise UsageError(
                f"`{name}` (OneCycleLR) was made for {now + left:,} {every}s in all{per}, and fails beyond.",
                suggestion="Let the run end, and start one with a new schedule.",
            )
        return beyond(scheduler, wanted - now)
