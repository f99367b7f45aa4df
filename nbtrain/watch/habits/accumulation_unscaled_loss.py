"""Gradients of several batches whose losses nobody divides."""

from __future__ import annotations

from collections.abc import Sequence

from nbtrain.findings import Severity
from nbtrain.watch.cycle import Cycle, Place
from nbtrain.watch.habit import Habit


class AccumulationUnscaledLoss(Habit):
    """Several batches are gathered for a step, and each loss is the mean of its own batch.

    What it does: counts batches, backwards from one line, and whether backward is called on the loss as it
        came, with gradients that nobody divides.
    Why it hurts: the gradients are as many times as large: the learning rate and clipping mean something
        else.
    Bad: `loss.backward()` four times, then a step. Good: `(loss / 4).backward()`, or the gradients
        divided before the step.
    When to ignore: where the rate was chosen for the sum.
    """

    id = "accumulation-unscaled-loss"
    severity = Severity.WARNING

    def seen_in(self, cycle: Cycle) -> Place | None:
        """Several backwards of one line, a batch each, none divided, gradients emptied in between steps."""
        count = len(cycle.backwards)
        if count < 2 or not cycle.draws == cycle.whole == count or not (cycle.alone and cycle.cleared):
            return None
        # device sync, in the pump
        if any(_differ(float(before), float(after)) for before, after in cycle.written):
            return None  # divided in the gradients
        return cycle.backwards[0] if len(set(cycle.backwards)) == 1 else None

    def said(self, cycles: Sequence[Cycle]) -> dict[str, str]:
        """Say how many."""
        count = len(cycles[-1].backwards)
        return {
            "issue": f"The gradients of {count} batches are added up and not divided: they are {count} times "
            "as large as those of one batch of that size.",
            "recommended": f"(loss / {count}).backward()",
            "current": f"{count} backwards a step",
            "name": cycles[-1].optimizer,
        }


def _differ(before: float, after: float) -> bool:
    return abs(after - before) > 1e-3 * before  # rounding of half precision; no divisor is as near to 1


HABIT = AccumulationUnscaledLoss
