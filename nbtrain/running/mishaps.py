"""What fails beside the training: said in the run's alerts, once each, and never raised into the training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbtrain.running.activity import Activity
from nbtrain.running.keeper import trouble
from nbtrain.running.record import Record


class Mishaps:
    """Do what must not end a run, and say what failed in it.

    Args:
        activity: knows the step. record: takes the alerts.
    """

    def __init__(self, activity: Activity, record: Record) -> None:
        self._activity, self._record = activity, record
        self._said: set[str] = set()

    def quietly(self, action: Callable[..., Any], *args: Any, **keywords: Any) -> None:
        """Call `action`; what it raises is an alert, be it SystemExit."""
        try:
            action(*args, **keywords)
        except BaseException as error:  # nothing beside the training may end it
            self.stumbled(error)

    def trouble(self, text: str) -> None:
        """Say it once: what fails at each beat would fill the alerts."""
        if text not in self._said:
            self._said.add(text)
            self._record.note_alert(trouble(text, self._activity.state.step))

    def stumbled(self, error: BaseException) -> None:
        """Say that something of nbtrain, or of a person's watcher or finisher, raised."""
        self.trouble(f"nbtrain itself stumbled beside the training ({type(error).__name__}: {error})")
