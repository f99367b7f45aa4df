"""Gradients that nobody empties between steps."""

from __future__ import annotations

from collections.abc import Sequence

from nbtrain.findings import Severity
from nbtrain.watch.cycle import Cycle, Place
from nbtrain.watch.habit import Habit


class MissingZeroGrad(Habit):
    """A step is made of gradients that still hold those of the steps before it.

    What it does: compares the gradients that each backward finds with those that the step before left.
    Why it hurts: each step adds all earlier batches to its own; the steps grow and the training diverges.
    Bad: `loss.backward(); optimizer.step()`. Good: `optimizer.zero_grad()` before or after it.
    When to ignore: never; gradients gathered over several batches on purpose are emptied after their step.
    """

    id = "missing-zero-grad"
    severity = Severity.CRITICAL

    def seen_in(self, cycle: Cycle) -> Place | None:
        """Emptied in no way: not replaced, not written to, not zero."""
        if cycle.cleared or not cycle.leftovers:
            return None
        if any(float(norm) == 0.0 for norm in cycle.leftovers):  # device sync, in the pump, first steps only
            return None
        return cycle.place

    def said(self, cycles: Sequence[Cycle]) -> dict[str, str]:
        """Name the optimizer and the line that is missing."""
        name = cycles[-1].optimizer
        return {
            "issue": f"Gradients of `{name}` are never emptied: each step adds those of all steps before.",
            "recommended": f"{name}.zero_grad() once a step, before backward or after the step",
            "name": name,
        }


HABIT = MissingZeroGrad
