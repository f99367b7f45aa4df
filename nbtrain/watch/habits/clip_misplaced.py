"""Gradients that are clipped when the step is over."""

from __future__ import annotations

from collections.abc import Sequence

from nbtrain.findings import Severity
from nbtrain.watch.cycle import Cycle, Place
from nbtrain.watch.habit import Habit


class ClipMisplaced(Habit):
    """clip_grad_norm_ comes after the step, and not before it.

    What it does: looks for clipping with no backward since the step, in steps that were not clipped before.
    Why it hurts: the step is already made; the clipping has no effect.
    Bad: `optimizer.step(); clip_grad_norm_(...)`. Good: the other way round.
    When to ignore: never.
    """

    id = "clip-misplaced"
    severity = Severity.WARNING

    def seen_in(self, cycle: Cycle) -> Place | None:
        """Clipped between the step before and this cycle's first backward, and not again."""
        return cycle.clipped_early if cycle.clipped is None else None

    def said(self, cycles: Sequence[Cycle]) -> dict[str, str]:
        """Say the order."""
        return {
            "issue": "Gradients are clipped after the step they belong to: the clipping has no effect.",
            "recommended": "clip between loss.backward() and "
            f"{cycles[-1].optimizer}.step(); with a GradScaler after scaler.unscale_(...)",
            "name": cycles[-1].optimizer,
        }


HABIT = ClipMisplaced
