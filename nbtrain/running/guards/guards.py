"""All guards of one run: begun where the run starts, held while it trains, ended with it.

What they see goes to the manifest's events and, once each, to the run's alerts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbtrain.findings import Finding, Severity
from nbtrain.running.guards.randomness import RandomGuard
from nbtrain.runs.manifest import utc_now


class Guards:
    """The guards of one run.

    Args:
        mode: "on" prevents and tells, "detect" only tells, "off" does neither.
        execution: the run under way; its events, record, state and mailbox are used.
    """

    def __init__(self, mode: str, execution: Any) -> None:
        self.mode, self._run = mode, execution
        self._drawn: dict[str, Any] | None = None
        self._random = RandomGuard(
            mode, execution.control, self._cell_drew, as_plain_code=execution.activity.as_plain_code
        )

    def begin(self) -> None:
        """Begin, in the thread that starts the run and before its own thread exists."""
        self._random.begin()
        if self._random.refused:
            self._say(
                "cell-draws",
                "Random numbers drawn in cells cannot be kept apart from the run's with this torch.",
                recommended="draw with a generator of your own while it trains",
            )

    def train(self, training: Callable[[], Any]) -> None:
        """Call `training` in the training thread, guarded; end the guards with it."""
        try:
            with self._random.training():
                training()
        finally:
            self.end()

    def end(self) -> None:
        """End what `begin` began. Twice does nothing."""
        self._random.end()

    def note(self, kind: str, **details: Any) -> dict[str, Any]:
        """Add an event to the manifest; it may still be changed."""
        event = {"at": utc_now(), "kind": kind, "step": self._run.state.step, **details}
        self._run.events.append(event)
        return event

    def _say(self, rule: str, issue: str, *, evidence: str = "", recommended: str = "") -> None:
        self._run.record.note_alert(
            Finding(
                rule, Severity.INFO, issue, evidence=evidence, recommended=recommended,
                step=self._run.state.step,
            )
        )  # fmt: skip

    def _cell_drew(self, what: str) -> None:
        """A cell drew from the run's generators, or seeded them; told in the cell's thread."""
        if self._drawn is not None:
            self._drawn["count"] += 1
            return
        self._drawn = self.note("cell-draws", what=what, count=1)
        self._say(
            "cell-draws",
            "A cell drew random numbers from the generators that the run uses: it is no longer repeatable.",
            evidence=f"`{what}` in a cell at step {self._run.state.step:,}",
            recommended='guard="on" (the default) keeps what cells draw apart',
        )
