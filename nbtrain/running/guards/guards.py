"""All guards of one run: begun where the run starts, held while it trains, ended with it.

What they see goes to the manifest's events and, once each, to the run's alerts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from nbtrain.findings import Finding, Severity
from nbtrain.running.guards import moves
from nbtrain.running.guards.randomness import RandomGuard
from nbtrain.runs.manifest import utc_now

MOST_EVENTS = 50  # of a kind; a cell may do the same in a loop
QUIET_S = 60.0  # before the same alert is raised again


class Guards:
    """The guards of one run.

    Args:
        mode: "on" prevents and tells, "detect" only tells, "off" does neither.
        execution: the run under way; its events, record, state and mailbox are used.
    """

    def __init__(self, mode: str, execution: Any) -> None:
        self.mode, self._run = mode, execution
        self._drawn: dict[str, Any] | None = None
        self._told: dict[str, int] = {}
        self._said: dict[str, float] = {}
        self._random = RandomGuard(
            mode, execution.control, self._cell_drew, as_plain_code=execution.activity.as_plain_code
        )

    def begin(self) -> None:
        """Begin, in the thread that starts the run and before its own thread exists."""
        self._random.begin()
        if self.mode != "off":
            moves.watch(self._run)
        if self._random.refused:
            self.tell(
                "cell-draws",
                "Random numbers drawn in cells cannot be kept apart from the run's with this torch.",
                recommended="draw with a generator of your own while it trains",
            )

    def train(self, training: Callable[[], Any]) -> None:
        """Call `training` in the training thread, guarded; end the guards with it."""
        try:
            moves.mark_training()
            with self._random.training():
                training()
        finally:
            self.end()

    def end(self) -> None:
        """End what `begin` began. Twice does nothing."""
        self._random.end()
        moves.unwatch(self._run)

    def tell(
        self, kind: str, issue: str, *, evidence: str = "", recommended: str = "",
        severity: Severity | None = Severity.INFO, **details: Any,
    ) -> None:  # fmt: skip
        """Tell what was seen: an event in the manifest, and an alert unless the same was said just now.

        Args:
            kind: of the event; the alert's rule. issue, evidence, recommended: the alert's.
            severity: the alert's; None for what is legal, and no news to whoever did it. details: go into
                the event.
        """
        told = self._told.get(kind, 0)
        self._told[kind] = told + 1
        if told < MOST_EVENTS:
            self.note(kind, **details)
        now = time.monotonic()
        if severity is not None and now - self._said.get(kind, -QUIET_S) >= QUIET_S:
            self._said[kind] = now
            step = self._run.state.step
            finding = Finding(kind, severity, issue, evidence=evidence, recommended=recommended, step=step)
            self._run.record.note_alert(finding)

    def note(self, kind: str, **details: Any) -> dict[str, Any]:
        """Add an event to the manifest; it may still be changed."""
        event = {"at": utc_now(), "kind": kind, "step": self._run.state.step, **details}
        self._run.events.append(event)
        return event

    def _cell_drew(self, what: str) -> None:
        """A cell drew from the run's generators, or seeded them; told in the cell's thread."""
        if self._drawn is not None:
            self._drawn["count"] += 1
            return
        self._drawn = {"what": what, "count": 1}
        self.tell(
            "cell-draws",
            "A cell drew random numbers from the generators that the run uses: it is no longer repeatable.",
            evidence=f"`{what}` in a cell at step {self._run.state.step:,}",
            recommended='guard="on" (the default) keeps what cells draw apart',
            draws=self._drawn,
        )  # fmt: skip
