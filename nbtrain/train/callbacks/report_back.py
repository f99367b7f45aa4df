"""Hand evaluations and epochs to the record, where the pump finds them."""

from __future__ import annotations

from typing import Any

from nbtrain.train.events import Callback
from nbtrain.train.record import Record


class ReportBack(Callback):
    """Tell a record what the loop tells."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def on_evaluation(self, work: Any, state: Any, values: dict[str, float]) -> None:
        """Pass an evaluation on, with the best so far."""
        self._record.note_evaluation(state.step, values, (state.best_val_loss, state.best_val_step))

    def on_epoch(self, work: Any, state: Any, row: dict[str, float]) -> None:
        """Pass an epoch's row on."""
        self._record.note_epoch(row)
