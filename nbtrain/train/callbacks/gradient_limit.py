"""End a run at a gradient norm above a limit the person has set."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbtrain import units
from nbtrain.running.control import Control
from nbtrain.telemetry.recorder import Numbers
from nbtrain.train.events import Callback


class GradientLimit(Callback):
    """Stop at a total gradient norm, before clipping, above the limit.

    Off unless asked for. There is no number that fits all: norms scale with the loss, so a sum over the
    batch, targets in their thousands, or a large model at its start have norms far above 100 in perfect
    health. A norm that is high for the run itself is the alert `exploding-gradients`. Norms that are not
    finite are a matter of the policy on NaN.

    The norm reaches the host at most 256 steps or 0.2 s after its step; the run ends at the boundary after.

    Args:
        control: the run's mailbox. limit: the largest norm that is let pass.
    """

    def __init__(self, control: Control, limit: float) -> None:
        self._control, self._limit = control, limit

    def on_numbers(self, work: Any, state: Any, numbers: Numbers) -> None:
        """Look at the norms that have reached the host."""
        norms = numbers.norms
        over = norms[np.isfinite(norms) & (norms > self._limit)]
        if len(over) and not self._control.stopping:
            self._control.stop(
                "step",
                reason=f"a gradient norm of {units.number(float(over[0]))} before clipping, above the limit "
                f"of {units.number(self._limit)}",
            )
