"""End a run when its time or its money is spent."""

from __future__ import annotations

import time
from typing import Any

from nbtrain import units
from nbtrain.running.control import Control
from nbtrain.running.money import money, spent
from nbtrain.train.events import Callback
from nbtrain.train.options import TrainOptions


class Budgets(Callback):
    """End the run as stopped at the first step boundary past its budget.

    Time is the run's own: pauses are left out. Money runs on in a pause, because a machine that waits is
    rented all the same; so `look` is also called by the pump, which wakes a paused run to end it.

    Args:
        control: the run's mailbox. options: max_time (s), max_cost, price_per_hour, currency.
    """

    def __init__(self, control: Control, options: TrainOptions) -> None:
        self._control = control
        self._seconds = options.max_time
        self._cost, self._price = options.max_cost, options.price_per_hour
        self._currency = options.currency

    def on_step(self, work: Any, state: Any) -> None:
        """Look at the clock."""
        self.look(state)

    def look(self, state: Any) -> None:
        """Ask for the end when a budget is spent and there would be more to do. Any thread."""
        if self._control.stopping or state.nothing_left:
            return
        elapsed = time.monotonic() - state.started
        if self._cost is not None and spent(elapsed, self._price or 0.0) >= self._cost:
            so_much = money(self._cost, self._currency)
            reason = (
                f"the budget of {so_much} is spent: {units.seconds(elapsed)} at "
                f"{money(self._price or 0.0, self._currency)} an hour, pauses included"
            )
            self._control.stop("step", reason=reason)
        elif (
            self._seconds is not None
            and state.phase != "paused"
            and elapsed - state.paused_s >= self._seconds
        ):
            without = ", pauses left out" if state.paused_s > 1 else ""
            self._control.stop(
                "step", reason=f"the time budget of {units.seconds(self._seconds)} is used up{without}"
            )
