"""What happens at a convergence stall when `on_stall="recover"` was asked for."""

from __future__ import annotations

from typing import Any

from nbtrain import units
from nbtrain.errors import UsageError
from nbtrain.findings import Finding, Severity
from nbtrain.running.learning_rate import set_learning_rate
from nbtrain.running.signs.stall import Stall
from nbtrain.train.events import Callback
from nbtrain.train.fresh import initialise_again
from nbtrain.train.notes import Notes

RAISE = 3.0  # half a decade: enough to see, not enough to throw a working rate over


class OnStall(Callback):
    """Raise the learning rate at the first stall, draw new weights at the second; then leave it at alerts.

    Args:
        notes: where alerts and events go.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes, self._stall, self._tried = notes, Stall(), 0

    def state_dict(self) -> dict[str, Any]:
        """Return what was tried, and what was seen of the loss."""
        return {"tried": self._tried, "seen": {**vars(self._stall), "_best": dict(self._stall._best)}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._tried = state["tried"]
        vars(self._stall).update(state["seen"])

    def on_epoch(self, work: Any, state: Any, row: dict[str, float]) -> None:
        """Look whether it has stalled, and do the next thing."""
        if state.nothing_left or not self._stall.judge(row):
            return
        self._tried += 1
        if self._tried == 1:
            before = float(work.optimizer.param_groups[0]["lr"])  # device sync where it is a tensor: rare
            set_learning_rate(work.optimizer, work.scheduler, RAISE * before)
            lr = {"from": before, "to": RAISE * before}
            self._notes.event("stall-recovery", step=state.step, epoch=state.epoch, lr=lr)
            self._say(
                f"The learning rate was raised from {units.number(before)} to {units.number(RAISE * before)} "
                "at the stall.",
                state,
            )
        elif self._tried == 2:
            self._begin_anew(work, state)

    def _begin_anew(self, work: Any, state: Any) -> None:
        try:
            drawn = initialise_again(work.model, work.optimizer)
        except UsageError as error:
            self._say(f"The model could not be initialised again: {error}", state)
            return
        self._notes.event("stall-recovery", step=state.step, epoch=state.epoch, new_weights=drawn)
        self._say(f"The model was initialised again at the stall ({drawn:,} weights).", state)

    def _say(self, issue: str, state: Any) -> None:
        self._notes.alert(
            Finding(
                "stall-recovered",
                Severity.WARNING,
                issue,
                evidence=f"epoch {state.epoch}, step {state.step:,}; asked for by on_stall=recover",
                step=state.step,
            )
        )
