"""The time and the money a run may take, and its end when they are spent."""

from __future__ import annotations

import time

from nbtrain import units
from nbtrain.running.control import Control
from nbtrain.running.money import money, spent
from nbtrain.running.state import State


class Budget:
    """Ask for the end of a run when its time or its money is spent; it ends at the next step boundary.

    Time is the run's own: pauses are left out. Money runs on in a pause, because a machine that waits is
    rented all the same: the pump looks too, which wakes a paused run to end it.

    Args:
        control: the run's mailbox. seconds: the run may take, None for no limit.
        cost: the run may cost, None for no limit. price: of an hour. currency: of both.
    """

    def __init__(
        self, control: Control, *, seconds: float | None, cost: float | None, price: float | None,
        currency: str,
    ) -> None:  # fmt: skip
        self._control, self._seconds = control, seconds
        self._cost, self._price, self._currency = cost, price, currency

    def look(self, state: State) -> None:
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
