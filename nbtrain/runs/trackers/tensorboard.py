"""TensorBoard event files, in the run's folder below tensorboard/. Needs no torch."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from nbtrain import extras
from nbtrain.runs.layout import TENSORBOARD
from nbtrain.runs.status import RunStatus
from nbtrain.runs.tracker import RunInfo, Tracker, numbers, thinned

ROWS_A_CALL = 500  # 70 us a row: at four calls a second 14 % of a core, and only above 2,000 steps/s


class TensorBoard(Tracker):
    """Write scalars as TensorBoard event files: step/<name> for steps, epoch/<name> for epochs, by step;
    evaluation/<name> for runs that validate within epochs.
    """

    id = "tensorboard"
    package = "tensorboard"

    def open(self, info: RunInfo) -> None:
        """Make the event file; the options go in as a text."""
        why = "to write TensorBoard logs"
        writer = extras.require("tensorboard.summary.writer.event_file_writer", why=why)
        self._event = extras.require("tensorboard.compat.proto.event_pb2", why=why).Event
        self._summary = extras.require("tensorboard.compat.proto.summary_pb2", why=why).Summary
        folder = info.folder.path / TENSORBOARD
        self._writer = writer.EventFileWriter(str(folder), flush_secs=10)
        if info.after_step is not None:  # the board leaves out what it has of later steps
            purge = extras.require("tensorboard.compat.proto.event_pb2", why=why).SessionLog
            log = purge(status=purge.START)
            self._writer.add_event(
                self._event(wall_time=time.time(), step=info.after_step + 1, session_log=log)
            )
        self.url = str(folder)

    def log_steps(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write step rows; above 2,000 steps a second evenly thinned, metrics.jsonl has them all."""
        for row in thinned(rows, ROWS_A_CALL):
            self._add("step", row, int(row.get("step") or 0))

    def log_epoch(self, row: Mapping[str, Any]) -> None:
        """Write an epoch's row at its step."""
        self._add("epoch", row, int(row.get("step") or row.get("epoch") or 0))

    def log_evaluation(self, row: Mapping[str, Any]) -> None:
        """Write an evaluation at its step."""
        self._add("evaluation", row, int(row["step"]))

    def finish(self, status: RunStatus) -> None:
        """Flush and close the event file."""
        self._writer.flush()
        self._writer.close()

    def _add(self, group: str, row: Mapping[str, Any], step: int) -> None:
        values = [
            self._summary.Value(tag=f"{group}/{key}", simple_value=value)
            for key, value in numbers(row).items()
        ]
        self._writer.add_event(
            self._event(wall_time=time.time(), step=step, summary=self._summary(value=values))
        )


TRACKER = TensorBoard
