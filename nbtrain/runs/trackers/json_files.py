"""The built-in tracker: logs/metrics.jsonl, logs/metrics.json and the CSV curves of the run's folder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from nbtrain.runs.journal import EVALUATION, read_journal, without_replayed
from nbtrain.runs.layout import EPOCHS_FILE, STEPS_FILE
from nbtrain.runs.metrics import read_metrics
from nbtrain.runs.status import RunStatus
from nbtrain.runs.tracker import RunInfo, Tracker

CURVE_EVERY_S = 5.0  # val_loss.csv is written anew for evaluations at most so often
WRITING_SHARE = 0.02  # of the time: thousands of short epochs make files that take a while to write anew


class JsonFiles(Tracker):
    """Write every step, evaluation and epoch to the run's own folder. Always on; needs nothing but the disk.
    """

    id = "json"
    also = ("csv",)

    def open(self, info: RunInfo) -> None:
        """Go on with the epochs and evaluations that are there already (a resumed run)."""
        self._folder = info.folder
        path = info.folder.path / EPOCHS_FILE
        self._written = False  # the epochs as they are now
        rows = read_metrics(path).epochs if path.exists() else ()
        self._epochs: list[Mapping[str, Any]] = [row for row in rows if _counts(row, info.after_step)]
        self._evaluations = [row for row in read_evaluations(info) if _counts(row, info.after_step)]
        self._curve_due = self._epochs_due = 0.0
        self.url = str(info.folder.path)

    def log_steps(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append to logs/metrics.jsonl; nothing is left out."""
        self._folder.append_steps(rows)
        if rows and self._evaluations and self._evaluations[-1]["step"] >= rows[0]["step"]:
            # the run went back to a checkpoint and does these steps again
            self._evaluations = [one for one in self._evaluations if one["step"] < rows[0]["step"]]

    def log_evaluation(self, row: Mapping[str, Any]) -> None:
        """Append to logs/metrics.jsonl as a record of its own kind, and write val_loss.csv anew when it is
        due.
        """
        self._folder.append_steps([{"kind": EVALUATION, **row}])
        self._evaluations.append(dict(row))
        if time.monotonic() >= self._curve_due:
            self._folder.write_validation_curve(self._epochs, self._evaluations)
            self._curve_due = time.monotonic() + CURVE_EVERY_S

    def log_epoch(self, row: Mapping[str, Any]) -> None:
        """Keep the row for the next `flush`."""
        self._epochs.append(dict(row))
        self._written = False

    def flush(self) -> None:
        """Write logs/metrics.json, train_loss.csv and val_loss.csv anew, once for several short epochs."""
        began = time.monotonic()
        if not self._written and self._epochs and began >= self._epochs_due:
            self._folder.write_epochs(self._epochs, self._evaluations)
            self._written = True
            now = time.monotonic()
            self._epochs_due = now + (now - began) / WRITING_SHARE

    def finish(self, status: RunStatus) -> None:
        """Write metrics.json also for a run without an epoch. The folder is closed by its owner."""
        self._folder.write_epochs(self._epochs, self._evaluations)


def read_evaluations(info: RunInfo) -> list[dict[str, Any]]:
    """Return the evaluations that the folder's journal has and nothing has superseded."""
    rows = without_replayed(read_journal(info.folder.path / STEPS_FILE))
    return [row for row in rows if row.get("kind") == EVALUATION and isinstance(row.get("step"), int)]


def _counts(row: Mapping[str, Any], until: int | None) -> bool:
    """Say whether a row stands: what a resumed run does again does not."""
    return until is None or row.get("step") is None or row["step"] <= until


TRACKER = JsonFiles
