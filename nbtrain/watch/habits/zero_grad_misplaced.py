"""Gradients that are emptied before the step that they are for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from nbtrain.findings import Severity
from nbtrain.watch.cycle import Cycle, Place
from nbtrain.watch.habit import Habit


class ZeroGradMisplaced(Habit):
    """zero_grad comes between backward and the step.

    What it does: looks whether every gradient is gone, or zero, at a step, though a backward has reached
        them.
    Why it hurts: the step has nothing to go by; the model does not learn.
    Bad: `loss.backward(); optimizer.zero_grad(); optimizer.step()`. Good: zero_grad before backward, or after
        the step.
    When to ignore: where steps are kept without effect on purpose.
    """

    id = "zero-grad-misplaced"
    severity = Severity.WARNING
    sure_after: ClassVar[int] = 2  # one such step may be a batch left out on purpose

    def seen_in(self, cycle: Cycle) -> Place | None:
        """A backward has reached the gradients, and they are gone at the step."""
        if cycle.emptied is None or float(cycle.emptied) != 0.0:  # device sync, in the pump, first steps only
            return None
        return cycle.place

    def said(self, cycles: Sequence[Cycle]) -> dict[str, str]:
        """Name the optimizer and the order."""
        name = cycles[-1].optimizer
        return {
            "issue": f"Gradients of `{name}` are emptied between backward and the step: the step has nothing "
            "to go by, and the model does not learn.",
            "recommended": f"{name}.zero_grad() before loss.backward(), or after {name}.step()",
            "name": name,
        }


HABIT = ZeroGradMisplaced
