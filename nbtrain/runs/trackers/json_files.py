"""The built-in tracker: logs/metrics.jsonl, logs/metrics.json and the CSV curves of the run's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbtrain.runs.layout import EPOCHS_FILE
from nbtrain.runs.metrics import read_metrics
from nbtrain.runs.status import RunStatus
from nbtrain.runs.tracker import RunInfo, Tracker


class JsonFiles(Tracker):
    """Write every step and every epoch to the run's own folder. Always on; needs nothing but the disk."""

    id = "json"
    also = ("csv",)

    def open(self, info: RunInfo) -> None:
        """Go on with the epochs that are there already (a resumed run)."""
        self._folder = info.folder
        path = info.folder.path / EPOCHS_FILE
        self._epochs: list[Mapping[str, Any]] = list(read_metrics(path).epochs) if path.exists() else []
        self.url = str(info.folder.path)

    def log_steps(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append to logs/metrics.jsonl; nothing is left out."""
        self._folder.append_steps(rows)

    def log_epoch(self, row: Mapping[str, Any]) -> None:
        """Write logs/metrics.json, train_loss.csv and val_loss.csv anew."""
        self._epochs.append(dict(row))
        self._folder.write_epochs(self._epochs)

    def finish(self, status: RunStatus) -> None:
        """Write metrics.json also for a run without an epoch. The folder is closed by its owner."""
        self._folder.write_epochs(self._epochs)


TRACKER = JsonFiles
