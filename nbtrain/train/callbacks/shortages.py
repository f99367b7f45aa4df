"""Say when a run has to do with less memory: an alert, an event of the manifest, a line of the log."""

from __future__ import annotations

from typing import Any

from nbtrain.findings import Finding, Severity
from nbtrain.running.state import State
from nbtrain.train.events import Callback
from nbtrain.train.last_good import LastGood
from nbtrain.train.memory import Change, in_words
from nbtrain.train.notes import Notes
from nbtrain.train.step import Stepper
from nbtrain.train.work import Work


class Shortages(Callback):
    """Have stepper and judge say what they change for want of memory; a resumed run begins with it.

    Args:
        work, stepper: of the run. good: the way back after a half-made update. state: where the run stands.
        notes: where alerts and events go.
    """

    def __init__(self, work: Work, stepper: Stepper, *, good: LastGood, state: State, notes: Notes) -> None:
        self._pieces = {"training": stepper.pieces, "validation": work.judge.pieces}
        self._state, self._notes = state, notes
        stepper.on_change = work.judge.on_change = self.say
        stepper.go_back = lambda: good.restore(work)

    def say(self, change: Change) -> None:
        """Tell of a change."""
        what, means = in_words(change)
        step = self._state.step + (change.shortage.at != "validation")
        self._notes.event(
            "out-of-memory", step=step, where=change.shortage.at, error=change.shortage.text,
            samples={"from": change.before, "to": change.after} if change.after else None,
            back_to=change.back_to or None,
        )  # fmt: skip
        self._notes.log(f"out of memory at step {step}: {what}")
        self._notes.alert(
            Finding(
                "out-of-memory", Severity.WARNING, what, recommended=means,
                evidence=f"step {step:,}: {change.shortage.text}", step=step,
            )
        )  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        """Return the sizes that fit."""
        return {name: {"most": one.most, "adds": one.adds} for name, one in self._pieces.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Begin with them."""
        for name, pieces in self._pieces.items():
            pieces.most, pieces.adds = state[name]["most"], state[name]["adds"]
