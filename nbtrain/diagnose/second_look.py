"""What a diagnosis names first where the verdict of a run's end does not: both are said in one report."""

from __future__ import annotations

from typing import Any

from nbtrain.diagnose.engine import Diagnosed, examine
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.outcome import Outcome
from nbtrain.diagnose.run_history import history_of_run
from nbtrain.errors import NbtrainError
from nbtrain.findings import Severity
from nbtrain.report.model import Note


def named_first(run: Any) -> Diagnosed | None:
    """Return what `run.diagnose()` says to act on first; None for a healthy run, or one without numbers."""
    try:
        history = history_of_run(run)
    except NbtrainError:  # a stored run whose files are damaged: its report says so
        return None
    if history.empty:
        return None
    found = examine(Facts(history))
    return next((one for one in found.findings if one.check == found.primary), None)


def second_note(first: Diagnosed | None, verdict: Outcome, name: str) -> Note | None:
    """Return what to say of it beside a verdict; None where the verdict names it too.

    The verdict judges losses and accuracies; a diagnosis also looks at gradients, layers, memory and the
    device.

    Args:
        name: of the run, for the command that shows the diagnosis.
    """
    if first is None or first.check in {finding.rule for finding in verdict.findings}:
        return None
    doing = f" {first.recommendations[0].action}" if first.recommendations else ""
    text = f"{first.said.issue}{doing} `%train diagnose {name}` shows what it rests on."
    tone = "critical" if first.severity is Severity.CRITICAL else "warning"
    return Note(text, tone, title=f"To act on first: {first.check}")
