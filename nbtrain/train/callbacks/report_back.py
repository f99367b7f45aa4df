"""Hand evaluations and epochs to the record, where the pump finds them."""

from __future__ import annotations

from typing import Any

from nbtrain.findings import Finding, Severity
from nbtrain.running.record import Record
from nbtrain.train.events import Callback


class ReportBack(Callback):
    """Tell a record what the loop tells."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._said_empty = False

    def on_evaluation(self, work: Any, state: Any, values: dict[str, float]) -> None:
        """Pass an evaluation on, with the best so far."""
        best = state.best_val_loss, state.best_val_step
        self._record.note_evaluation(state.step, state.epoch, values, best)

    def on_empty_evaluation(self, work: Any, state: Any) -> None:
        """Say once that the validation data gave nothing."""
        if not self._said_empty:
            self._said_empty = True
            self._record.note_alert(
                Finding(
                    "validation-empty",
                    Severity.WARNING,
                    "The validation data gave no batch: nothing was validated.",
                    evidence=f"epoch {state.epoch}, step {state.step:,}",
                    recommended="give data that can be read again each epoch, e.g. a DataLoader",
                    step=state.step,
                )
            )

    def on_epoch(self, work: Any, state: Any, row: dict[str, float]) -> None:
        """Pass an epoch's row on."""
        self._record.note_epoch(row)
