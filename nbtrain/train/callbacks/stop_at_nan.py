"""End the run at a step that was not taken because its gradients were not finite."""

from __future__ import annotations

from typing import Any

from nbtrain.running.control import Control
from nbtrain.train.events import Callback


class StopAtNaN(Callback):
    """Stop at once, so that nothing follows on weights that stand still.

    Args:
        control: of the run. The alert and the reason in words come of the step's row, as on a GPU, where the
            pump asks for the stop.
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    def on_skipped(self, work: Any, state: Any) -> None:
        """Ask for the stop."""
        self._control.stop("step", reason=f"step {state.step:,} was not finite", kind="diverged")
