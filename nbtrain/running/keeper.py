"""Everything a run leaves on disk and with trackers, written by the pump (checkpoints apart).

What fails is said once, in the run's alerts and log, and the run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbtrain.findings import Finding, Severity
from nbtrain.running.record import News
from nbtrain.runs.status import RunStatus
from nbtrain.runs.store import RunFolder


class Keeper:
    """Write a run's numbers to its folder and its trackers.

    Args:
        folder: the run folder. trackers: opened trackers; the first writes the folder's own metrics files.
        on_trouble: told in words, once for each thing that fails.
    """

    def __init__(self, folder: RunFolder, trackers: Sequence[Any], on_trouble: Callable[[str], None]) -> None:
        self.folder = folder
        self._trackers = list(trackers)
        self._on_trouble = on_trouble
        self._said: set[str] = set()

    def write(self, news: News) -> None:
        """Write what is new."""
        if news.alerts:
            self._guard("alerts", self.folder.append_alerts, news.alerts)
        for alert in news.alerts:
            self._guard("training.log", self.folder.log, f"{alert.severity}: {alert.issue} {alert.evidence}")
        for row in news.epochs:
            self._guard("training.log", self.folder.log, epoch_line(row))
        rows = news.step_rows()
        for tracker in self._trackers:
            if rows:
                self._guard(tracker.id, tracker.log_steps, rows)
            for row in news.epochs:
                self._guard(tracker.id, tracker.log_epoch, row)

    def finish(self, status: RunStatus) -> None:
        """Close the trackers."""
        for tracker in self._trackers:
            self._guard(tracker.id, tracker.finish, status)

    def _guard(self, what: str, action: Callable[..., Any], *args: Any) -> None:
        try:
            action(*args)
        except Exception as error:
            if what not in self._said:
                self._said.add(what)
                self._on_trouble(f"{what} could not be written: {error} Training goes on.")


def trouble(text: str, step: int) -> Finding:
    """Return the alert for something that failed beside the training."""
    return Finding("not-kept", Severity.WARNING, text[:1].upper() + text[1:], step=step)


def epoch_line(row: dict[str, float]) -> str:
    """Return an epoch in a line: `epoch 3  step 135  train_loss 0.4123  val_acc 0.9123  1.2 s`."""
    said = [f"epoch {int(row['epoch'])}", f"step {int(row['step'])}"]
    said += [f"{name} {row[name]:.4f}" for name in row if name.startswith(("train_", "val_"))]
    return "  ".join([*said, f"{row['epoch_time_s']:.1f} s"])
