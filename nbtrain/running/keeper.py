"""Everything a run leaves on disk and with trackers, written by the pump (checkpoints apart).

What fails is said once, in the run's alerts and log, and the run goes on.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbtrain import units
from nbtrain.findings import Finding, Severity
from nbtrain.running.record import News
from nbtrain.runs.events import changes, event_label
from nbtrain.runs.journal import LOGGED
from nbtrain.runs.status import Progress, RunStatus
from nbtrain.runs.store import RunFolder
from nbtrain.runs.table import Table


class Keeper:
    """Write a run's numbers to its folder and its trackers.

    Args:
        folder: the run folder. trackers: opened trackers; the first writes the folder's own metrics files.
        on_trouble: told in words, once for each thing that fails.
        within_epochs: the run validates within its epochs too, so that evaluations are records of their own.
    """

    def __init__(
        self, folder: RunFolder, trackers: Sequence[Any], on_trouble: Callable[[str], None], *,
        within_epochs: bool = False,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._within_epochs = within_epochs
        self._waiting: list[dict[str, float]] = []  # evaluations whose steps have not been drained yet
        self._logged: dict[int, dict[str, Any]] = {}  # step -> what was logged at it, not written yet
        self._trackers = list(trackers)
        self._on_trouble = on_trouble
        self._said: set[str] = set()
        self._written = 0.0  # the newest step written
        self._noted: int | None = None  # events in the log

    def write_start(self, progress: Progress) -> None:
        """Begin the log: what lies ahead, and which process does it."""
        ahead = [
            units.counted(total, unit)
            for total, unit in ((progress.total_epochs, "epoch"), (progress.total_steps, "step"))
            if total
        ]
        said = ", ".join([*ahead, f"process {os.getpid()}"])
        starts = f"goes on after step {units.count(progress.step)}" if progress.step else "starts"
        self._guard("training.log", self.folder.log, f"training {starts}: {said}")

    def write_end(self, status: RunStatus, progress: Progress, reason: str, error: str | None) -> None:
        """End the log: how it ended, where, why, and the traceback of a failed run."""
        where = f"{status} at step {units.count(progress.step)} after {units.seconds(progress.elapsed_s)}"
        lines = [f"{where}: {reason}" if reason else where, *(error or "").splitlines()]
        self._guard("training.log", self.folder.log, *lines)

    def write(self, news: News) -> None:
        """Write what is new."""
        if news.alerts:
            self._guard("alerts", self.folder.append_alerts, news.alerts)
        for alert in news.alerts:
            self._guard("training.log", self.folder.log, f"{alert.severity}: {alert.issue} {alert.evidence}")
        for row in news.epochs:
            self._guard("training.log", self.folder.log, epoch_line(row))
        rows = news.step_rows()
        if self._within_epochs:
            self._waiting += news.evaluations
        for row in news.logged:
            known = self._logged.setdefault(int(row["step"]), {"kind": LOGGED})
            known.update(row)
        self._write_in_order(rows, rows[-1]["step"] if rows else 0)
        for tracker in self._trackers:
            for row in news.epochs:
                self._guard(tracker.id, tracker.log_epoch, row)
            if rows or news.epochs:
                self._guard(tracker.id, tracker.flush)

    def _write_in_order(self, rows: Table, until: float) -> None:
        """Write steps and, each behind its own step, the evaluations up to step `until`.

        Whoever reads the journal takes a step that comes late for one that was done again.
        """
        until_now = max(until, self._written)
        due = [one for one in self._waiting if one["step"] <= until_now]
        self._waiting = self._waiting[len(due) :]
        logged = [step for step in self._logged if step < until_now]  # more may be logged at the last step
        due = sorted([*due, *(self._logged.pop(step) for step in logged)], key=_order)
        self._written = max(until, self._written)
        for evaluation in due:
            place = sum(step <= evaluation["step"] for step in rows.columns.get("step", ()))
            self._log(rows[:place], evaluation)
            rows = rows[place:]
        self._log(rows)

    def _log(self, rows: Table, evaluation: dict[str, float] | None = None) -> None:
        for tracker in self._trackers:
            if rows:
                self._guard(tracker.id, tracker.log_steps, rows)
            if evaluation is not None and "kind" in evaluation:
                self._guard(tracker.id, tracker.log_steps, [evaluation])
            elif evaluation is not None:
                self._guard(tracker.id, tracker.log_evaluation, evaluation)

    def write_prints(self, lines: Sequence[str]) -> None:
        """Write what the training printed into its log, told from nbtrain's own lines by a bar."""
        if lines:
            self._guard("training.log", self.folder.log, *(f"| {line}" for line in lines))

    def note_events(self, events: Sequence[dict[str, Any]]) -> None:
        """Write the changes that are new to the log; those of an earlier part stand there."""
        if self._noted is None:
            self._noted = len(events)
        for event in changes(events[self._noted :]):
            self._guard("training.log", self.folder.log, event_line(event))
        self._noted = len(events)

    def finish(self, status: RunStatus) -> None:
        """Write what still waits, and close the trackers."""
        self._write_in_order(Table({}), math.inf)
        for tracker in self._trackers:
            self._guard(tracker.id, tracker.finish, status)

    def _guard(self, what: str, action: Callable[..., Any], *args: Any) -> None:
        try:
            action(*args)
        except Exception as error:
            if what not in self._said:
                self._said.add(what)
                self._on_trouble(f"{what} could not be written: {error} Training goes on.")


def _order(row: dict[str, Any]) -> tuple[float, bool]:
    return row["step"], "kind" not in row  # what was logged, then an evaluation


def trouble(text: str, step: int) -> Finding:
    """Return the alert for something that failed beside the training."""
    return Finding("not-kept", Severity.WARNING, text[:1].upper() + text[1:], step=step)


def epoch_line(row: dict[str, float]) -> str:
    """Return an epoch in a line: `epoch 3  step 135  train_loss 0.4123  val_acc 0.9123  1.2 s`."""
    said = [f"epoch {int(row['epoch'])}", f"step {int(row['step'])}"]
    said += [f"{name} {row[name]:.4f}" for name in row if name.startswith(("train_", "val_"))]
    return "  ".join([*said, f"{row['epoch_time_s']:.1f} s"])


def event_line(event: Mapping[str, Any]) -> str:
    """Return a change in a line: `changed at step 120: lr 0.001 → 5e-4`."""
    return f"changed at step {event.get('step')}: {event_label(event)}"
