"""A scheduler that moves before the optimizer does."""

from __future__ import annotations

from collections.abc import Sequence

from nbtrain.findings import Severity
from nbtrain.watch.cycle import Cycle, Place
from nbtrain.watch.habit import Habit


class SchedulerBeforeOptimizerStep(Habit):
    """scheduler.step() comes before optimizer.step().

    What it does: looks whether a scheduler has moved between a backward and the step, or before the first
        step of all.
    Why it hurts: the first rate of the schedule is skipped, a warm-up's first step among them.
    Bad: `scheduler.step(); optimizer.step()`. Good: the optimizer first.
    When to ignore: when the first rate is meant to be skipped.
    """

    id = "scheduler-before-optimizer-step"
    severity = Severity.WARNING

    def seen_in(self, cycle: Cycle) -> Place | None:
        """Moved between backward and step."""
        return cycle.scheduled

    def said(self, cycles: Sequence[Cycle]) -> dict[str, str]:
        """Say the order."""
        return {
            "issue": "The scheduler moves before the optimizer steps: its first rate is skipped.",
            "recommended": f"{cycles[-1].optimizer}.step() first, then scheduler.step()",
            "name": cycles[-1].optimizer,
        }


HABIT = SchedulerBeforeOptimizerStep
