"""A model that is trained in eval mode."""

from __future__ import annotations

from collections.abc import Sequence

from nbtrain.findings import Severity
from nbtrain.watch.cycle import Cycle, Place
from nbtrain.watch.habit import Habit


class MissingTrainMode(Habit):
    """The whole model is in eval mode while it is trained, most often since a validation.

    What it does: looks at the mode of the model at each backward, and for dropout and batch norms in it.
    Why it hurts: dropout is off and batch norms do not learn what they normalise with.
    Bad: `model.eval()` in the validation and nothing after it. Good: `model.train()` before each epoch.
    When to ignore: where that is meant. A batch norm that is frozen in a model that trains is not told.
    """

    id = "missing-train-mode"
    severity = Severity.WARNING

    def seen_in(self, cycle: Cycle) -> Place | None:
        """In eval mode, with something in it that the mode changes and the optimizer could train."""
        return cycle.backwards[-1] if cycle.in_eval and cycle.backwards else None

    def said(self, cycles: Sequence[Cycle]) -> dict[str, str]:
        """Say what the mode turns off."""
        return {
            "issue": "The model is trained in eval mode: dropout is off, batch norms learn no statistics.",
            "recommended": "model.train() before the first batch of each epoch, and after each validation",
        }


HABIT = MissingTrainMode
