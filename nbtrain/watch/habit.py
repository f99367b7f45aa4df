"""What a habit is: something looked for in the first steps of a loop, said once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from nbtrain.findings import Finding, Severity
from nbtrain.watch.cycle import Cycle, Place

SURE_AFTER = 3  # cycles in a row


class Habit(ABC):
    """Look for one thing in cycles of one optimizer, in the pump. A wrong alert is worse than none."""

    id: ClassVar[str]
    severity: ClassVar[Severity]

    @abstractmethod
    def seen_in(self, cycle: Cycle) -> Place | None:
        """Return the line that shows it in one cycle, None where the cycle does not."""

    @abstractmethod
    def said(self, cycles: Sequence[Cycle]) -> dict[str, str]:
        """Return `issue`, `recommended` and what else a finding says of cycles that all show it."""

    def look(self, cycles: Sequence[Cycle]) -> Finding | None:
        """Return the finding once the newest `SURE_AFTER` cycles of an optimizer all show it."""
        newest = cycles[-SURE_AFTER:]
        places = [place for cycle in newest if (place := self.seen_in(cycle)) is not None]
        if len(places) < SURE_AFTER:
            return None
        said = self.said(newest)
        evidence = f"{places[-1]}, in {SURE_AFTER} steps in a row"
        return Finding(
            self.id, self.severity, said.pop("issue"), line=places[-1].line or None,
            step=newest[-1].step, evidence=evidence, **said,
        )  # fmt: skip
