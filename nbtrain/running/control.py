"""The mailbox between a person and a running loop: anybody drops a wish in, the loop reads it at boundaries.

Every method only notes the wish and returns: it may be called from a widget's callback on any thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from nbtrain.errors import UsageError


class Stopped(BaseException):
    """Raised in the training thread at a boundary to end the run. No `except Exception` swallows it."""


class Control:
    """Wishes for a run. `pending` is the one attribute the loop looks at in each step."""

    def __init__(self) -> None:
        self.pending = False
        self.stopping = False
        self.stop_reason = ""
        self.stop_kind = "stopped"
        self.paused = False
        self.after_epoch = False
        self._errands: list[Callable[[], Any]] = []
        self._changed = threading.Condition()

    def stop(self, after: str = "step", *, reason: str = "stopped by hand", kind: str = "stopped") -> None:
        """Ask the run to end at the next optimizer step or at the epoch's end.

        A run that diverged says so, whatever is asked of it afterwards.

        Args:
            after: "step" or "epoch".
            reason: said in the summary. kind: status the run ends with (stopped, diverged, completed).
        """
        if after not in ("step", "epoch"):
            raise UsageError(
                f"`after` is {after!r}; allowed are 'step' and 'epoch'.", suggestion="run.stop(after='step')"
            )
        with self._changed:
            if after == "step":
                self.stopping = True
            self.after_epoch = True
            if self.stop_kind != "diverged":
                self.stop_reason, self.stop_kind = reason, kind
            self.paused = False  # a paused run that is stopped goes on to its boundary and ends there
            self.pending = True
            self._changed.notify_all()

    def pause(self) -> None:
        """Ask the run to wait at the next step boundary."""
        with self._changed:
            if not self.stopping:
                self.paused = self.pending = True

    def resume(self) -> None:
        """Let a paused run go on."""
        with self._changed:
            self.paused = False
            self._changed.notify_all()

    def errand(self, task: Callable[[], Any]) -> None:
        """Have the loop call `task` at the next step boundary (save now, set the learning rate)."""
        with self._changed:
            self._errands.append(task)
            self.pending = True
            self._changed.notify_all()

    def forget(self) -> None:
        """Drop the errands of a run that is over; what they hold on to is let go."""
        with self._changed:
            self._errands.clear()

    def at_boundary(self, state: Any) -> None:
        """Serve what is pending, in the training thread at a step boundary; count the seconds spent paused.

        Raises:
            Stopped: the run was asked to end after a step.
        """
        phase, began = state.phase, time.monotonic()
        try:
            while True:
                with self._changed:
                    self.pending = False
                    errands, self._errands = self._errands, []
                for task in errands:
                    task()
                with self._changed:
                    if self.stopping:
                        raise Stopped(self.stop_reason)
                    if self._errands:
                        continue
                    if not self.paused:
                        return
                    if state.phase != "paused":
                        state.phase, began = "paused", time.monotonic()
                    self._changed.wait()  # whoever changes something notifies
        finally:
            if state.phase == "paused":
                state.phase = phase
                state.paused_s += time.monotonic() - began

    def at_epoch_end(self) -> None:
        """End the run here if it was asked to end after an epoch.

        Raises:
            Stopped: it was.
        """
        if self.after_epoch:
            raise Stopped(self.stop_reason)
