"""End a run when its time or its money is spent."""

from __future__ import annotations

from typing import Any

from nbtrain.running.budget import Budget
from nbtrain.running.control import Control
from nbtrain.train.events import Callback
from nbtrain.train.options import TrainOptions


class Budgets(Callback):
    """End the run as stopped at the first step boundary past its budget.

    Args:
        control: the run's mailbox. options: max_time (s), max_cost, price_per_hour, currency.
    """

    def __init__(self, control: Control, options: TrainOptions) -> None:
        self._budget = Budget(
            control, seconds=options.max_time, cost=options.max_cost, price=options.price_per_hour,
            currency=options.currency,
        )  # fmt: skip
        self.look = self._budget.look  # the pump looks too

    def on_step(self, work: Any, state: Any) -> None:
        """Look at the clock."""
        self.look(state)
