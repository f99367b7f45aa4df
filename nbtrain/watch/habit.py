"""What a habit is: something looked for in the first steps of a loop, said once."""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from nbtrain.findings import Finding, Severity
from nbtrain.registry import units_of
from nbtrain.report.model import KeyValues, Report, Section
from nbtrain.watch import habits
from nbtrain.watch.cycle import Cycle, Place

SURE_AFTER = 3  # cycles in a row
LABELS = ("What it does", "Why it hurts", "Bad", "Good", "When to ignore")  # of a habit's docstring


class Habit(ABC):
    """Look for one thing in cycles of one optimizer, in the pump. A wrong alert is worse than none.

    `id`: that of the review's rule for the same fault, so that `explain` shows both.
    """

    id: ClassVar[str]
    severity: ClassVar[Severity]
    sure_after: ClassVar[int] = SURE_AFTER

    @abstractmethod
    def seen_in(self, cycle: Cycle) -> Place | None:
        """Return the line that shows it in one cycle, None where the cycle does not."""

    @abstractmethod
    def said(self, cycles: Sequence[Cycle]) -> dict[str, str]:
        """Return `issue`, `recommended` and what else a finding says of cycles that all show it."""

    def look(self, cycles: Sequence[Cycle]) -> Finding | None:
        """Return the finding once the newest `sure_after` cycles of an optimizer all show it."""
        newest = cycles[-self.sure_after :]
        places = [place for cycle in newest if (place := self.seen_in(cycle)) is not None]
        if len(places) < self.sure_after:
            return None
        said = self.said(newest)
        evidence = f"{places[-1]}, in {self.sure_after} steps in a row"
        return Finding(
            self.id, self.severity, said.pop("issue"), line=places[-1].line or None,
            step=newest[-1].step, evidence=evidence, **said,
        )  # fmt: skip


def known_habits() -> list[type[Habit]]:
    """Return every habit, found by walking `nbtrain.watch.habits`. Imports no torch."""
    return units_of(habits, "HABIT", _problem)


def explain_habit(word: str) -> Report | None:
    """Return what a habit is about: its own docstring, as a report; None where there is none by that id."""
    found = next((one for one in known_habits() if one.id == word.strip().lower().replace("_", "-")), None)
    if found is None:
        return None
    title, _, body = inspect.cleandoc(found.__doc__ or "").partition("\n\n")
    parts = re.split(rf"(?:^|\s)({'|'.join(LABELS)}): ", " ".join(body.split()))[1:]
    rows = tuple(zip(parts[::2], parts[1::2], strict=True))
    return Report(title, (Section("", (KeyValues(rows),)),), data={"rule": found.id, **dict(rows)})


def _problem(unit: Any, module: Any) -> str | None:
    if not (isinstance(unit, type) and issubclass(unit, Habit)):
        return "HABIT is no subclass of Habit"
    if not getattr(unit, "id", "") or not all(f"{label}: " in (unit.__doc__ or "") for label in LABELS):
        return f"a habit needs an id, and in its docstring {', '.join(LABELS)}"
    return None
