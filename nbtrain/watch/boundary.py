"""The boundary between two steps of a followed loop, where its run's mailbox is served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbtrain.findings import Finding, Severity
from nbtrain.running.activity import Desk
from nbtrain.running.state import State
from nbtrain.watch.draws import Draws
from nbtrain.watch.steps import Steps


class Boundary:
    """Save, set a rate, pause and stop between two steps.

    Args:
        desk: of the run. state: its counters. steps: told that it rests meanwhile.
        draws: knows whether a loader can end an epoch.

    Attributes:
        due: a step was made within a GradScaler's, which is not updated yet: the boundary is still to come.
        then: called first at each boundary, or None.
    """

    def __init__(self, desk: Desk, state: State, steps: Steps, draws: Draws) -> None:
        self._desk, self._state, self._steps, self._draws = desk, state, steps, draws
        self._stops = 0
        self.due = False
        self.then: Callable[[], Any] | None = None

    def serve(self) -> None:
        """Serve the mailbox.

        Raises:
            Stopped: the run was asked to end. Swallowed by a bare `except:`, it is raised again at each step.
        """
        self.due = False
        if self.then is not None:
            self.then()
        control = self._desk.control
        if not (control.pending or control.stopping):
            return
        self._steps.flush()
        if control.after_epoch and not control.stopping and not self._draws.was_fed:
            self._stop_here_instead()
        if control.stopping:
            self._stops += 1
            if self._stops == 2:
                self._say_swallowed()
        self._steps.rest()
        control.at_boundary(self._state)
        self._steps.go_on()

    def between_epochs(self) -> None:
        """An epoch is over, its validation too, and the next is about to begin.

        Raises:
            Stopped: the run was asked to end after an epoch.
        """
        if self._desk.control.after_epoch:
            self._desk.control.at_epoch_end()

    def _stop_here_instead(self) -> None:
        self._note(
            "stop-at-step", Severity.INFO, "Stopped at a step, where an epoch's end was asked for.",
            evidence="no DataLoader was seen to feed the training",
        )  # fmt: skip
        reason = "stopped by hand at a step: no loader was seen whose end would end an epoch"
        self._desk.control.stop("step", reason=reason)

    def _say_swallowed(self) -> None:
        self._note(
            "stop-swallowed", Severity.WARNING,
            "The loop has caught the stop and goes on; it is raised again at each step.",
            recommended="a bare `except:` catches everything: write `except Exception:`",
        )  # fmt: skip

    def _note(self, rule: str, severity: Severity, issue: str, **details: str) -> None:
        self._desk.record.note_alert(Finding(rule, severity, issue, step=self._state.step, **details))
