"""Stop when the validation loss has not improved for a number of evaluations."""

from __future__ import annotations

from typing import Any

from nbtrain import units
from nbtrain.running.control import Control
from nbtrain.train.events import Callback


class EarlyStop(Callback):
    """End the run after `patience` evaluations without a lower validation loss; the run counts as completed.

    Args:
        control: the run's mailbox. patience: evaluations, at least 1; None counts and never stops. May be
            changed while the run trains.
    """

    def __init__(self, control: Control, patience: int | None) -> None:
        self._control = control
        self.patience = patience
        self._best = float("inf")
        self._without = 0

    def on_evaluation(self, work: Any, state: Any, values: dict[str, float]) -> None:
        """Count evaluations since the best one."""
        if values["val_loss"] < self._best:
            self._best, self._without = values["val_loss"], 0
            return
        self._without += 1
        if self.patience is not None and self._without >= self.patience:
            reason = (
                f"early stopping: no better validation loss than {units.number(self._best)} "
                f"(step {state.best_val_step:,}) for {self._without} evaluations"
            )
            self._control.stop("step", reason=reason, kind="completed")

    def state_dict(self) -> dict[str, Any]:
        """Return the best loss and how long ago it was."""
        return {"best": self._best, "without": self._without}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on counting from there."""
        self._best, self._without = state["best"], state["without"]
