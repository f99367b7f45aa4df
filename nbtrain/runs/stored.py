"""A run read back from its folder: the surface of a live run, without its objects. Changes nothing on disk
but putting a STOP file into the folder of a run that another process trains."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrain.errors import InvalidMetrics, UserError
from nbtrain.findings import Confidence, Finding, Severity
from nbtrain.report.explanation import Explanation
from nbtrain.runs.epochs_table import epochs_table
from nbtrain.runs.files import disk_trouble, replace_file
from nbtrain.runs.journal import read_journal
from nbtrain.runs.layout import (
    ALERTS_FILE,
    CHECKPOINTS,
    LOG_FILE,
    PLAN_FILE,
    REPORT_FILE,
    STOP_FILE,
)
from nbtrain.runs.listing import find_run
from nbtrain.runs.manifest import Manifest
from nbtrain.runs.standing import standing
from nbtrain.runs.status import Progress, RunStatus
from nbtrain.runs.stored_rows import StoredRows

if TYPE_CHECKING:
    import pandas as pd

    from nbtrain.runs.checkpoint_folder import CheckpointInfo


class StoredRun:
    """A run on disk. Every property reads the folder anew, so that a run under way in another process can be
    followed.

    What only a living run has is empty: `layers`, `objects`, `watchers`, `curves`.
    """

    objects = None
    curves = None
    eval_curves = None

    def __init__(self, folder: Path) -> None:
        """Read the run in `folder`; use `load` to find it by id or name.

        Raises:
            RunFolderError: it is no run folder, or its manifest is damaged.
        """
        self.dir = folder
        self.layers: dict[str, tuple[float, float]] = {}
        self.watchers: list[Any] = []
        manifest = Manifest.read(folder)
        self.id, self.name = manifest.run_id or folder.name, manifest.name or folder.name
        self._rows = StoredRows(folder)

    @classmethod
    def load(cls, root: str | os.PathLike[str], id_or_dir: str | os.PathLike[str]) -> StoredRun:
        """Find a run by id, beginning of the id, name or folder, and read it.

        Raises:
            RunNotFound: no run, or more than one, is meant. RunFolderError: its manifest is damaged.
        """
        return cls(find_run(root, id_or_dir))

    def __repr__(self) -> str:
        progress = self.progress
        return f"<stored run {self.id}: {self.status}, step {progress.step}, {self.dir}>"

    @property
    def manifest(self) -> Manifest:
        """The manifest as it is now; `interrupted` where it says running and the process is gone."""
        return Manifest.read(self.dir)

    @property
    def status(self) -> RunStatus:
        """What the run is doing, or how it ended."""
        return self.manifest.status

    @property
    def error(self) -> str | None:
        """The formatted traceback of a failed run."""
        return self.manifest.error

    @property
    def explanation(self) -> Explanation | None:
        """What was known of the exception that a failed run ended with; None where nothing was."""
        told = self.manifest.explanation
        return Explanation.from_dict(told) if isinstance(told, dict) else None

    @property
    def stop_reason(self) -> str:
        """Why the run ended."""
        return self.manifest.stop_reason

    @property
    def plan(self) -> str | None:
        """The plan as text, or None where none was kept."""
        return self._text(PLAN_FILE)

    @property
    def log(self) -> str:
        """The run's log, training.log; "" where there is none."""
        return self._text(LOG_FILE) or ""

    @property
    def report_path(self) -> Path | None:
        """The run's report: report.md, or the newest `<phase>_results.md`; None before there is one."""
        if (path := self.dir / REPORT_FILE).is_file():
            return path
        results = sorted(self.dir.glob("*_results.md"), key=lambda found: found.stat().st_mtime)
        return results[-1] if results else None

    @property
    def checkpoints(self) -> Any:
        """The run's checkpoints: a CheckpointStore with `all`, `latest`, `best`, `load`, `load_latest`.

        Importing it imports torch.
        """
        from nbtrain.runs.checkpoint import CheckpointStore

        return CheckpointStore(self.dir / CHECKPOINTS)

    @property
    def best_checkpoint(self) -> CheckpointInfo | None:
        """The best checkpoint there is."""
        return self.checkpoints.best()

    def load_best(self, model: Any) -> Any:
        """Put the weights of the best checkpoint into `model` and return it; mode and device stay as they
        are.

        Raises:
            UserError: the run kept no checkpoint. UsageError: the model is another one; it was not changed.
            CheckpointCorrupted: no checkpoint verifies.
        """
        from nbtrain.runs.best_weights import load_best_weights

        return load_best_weights(self.checkpoints, model, self.id)

    @property
    def history(self) -> pd.DataFrame:
        """One row a step: train_loss, lr, grad_norm, samples_per_s and whatever else was logged."""
        return self._rows.history()

    @property
    def epochs(self) -> pd.DataFrame:
        """One row an epoch, with the keys of metrics.json.

        Raises:
            InvalidMetrics: logs/metrics.json is damaged; names what and where.
        """
        return epochs_table(self._rows.epochs())

    @property
    def evaluations(self) -> pd.DataFrame:
        """One row a validation, indexed by step: those within epochs (`--val-every`) and those at their ends.
        """
        return self._rows.evaluations()

    @property
    def alerts(self) -> list[Finding]:
        """The findings raised while it trained, in order."""
        return [
            finding for row in read_journal(self.dir / ALERTS_FILE) if (finding := _finding(row)) is not None
        ]

    @property
    def step(self) -> int:
        """Steps done."""
        return self.progress.step

    @property
    def progress(self) -> Progress:
        """Where the run stands, by the last state change and the rows written since."""
        manifest = self.manifest
        known = {
            key: value
            for key, value in standing(self.dir, manifest).items()
            if key in Progress.__dataclass_fields__
        }
        return Progress(**known | ({"phase": "done"} if manifest.status.over else {}))

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every change made while it ran."""
        return [dict(event) for event in self.manifest.events]

    @property
    def settings(self) -> dict[str, Any]:
        """Nothing can be changed from here."""
        return {}

    @property
    def latest(self) -> dict[str, float]:
        """The newest values: train_loss, smooth_loss, lr, grad_norm, val_loss, best_val_loss, ..."""
        return self._rows.latest()

    def diagnose(self) -> Any:
        """Say what is wrong with it, and what to do: `.primary`, `.findings`, rich display.

        Raises:
            InvalidMetrics: logs/metrics.json is damaged; names what and where.
        """
        import nbtrain  # the front door: what diagnoses lies above this layer

        return nbtrain.diagnose(self)

    def stop(self, after: str = "step") -> None:
        """Ask the process that trains this run to end it, by a STOP file in its folder.

        Args:
            after: "step" or "epoch".

        Raises:
            UserError: no living process trains it, or `after` is another word.
        """
        if after not in ("step", "epoch"):
            raise UserError(f"`after` is {after!r}; allowed are 'step' and 'epoch'.", suggestion="run.stop()")
        if not (status := self.status).alive:
            raise UserError(f"The run {self.id} is {status}: there is nothing to stop.")
        path = self.dir / STOP_FILE
        try:
            replace_file(path, f"{after}\n".encode(), durable=False)
        except OSError as error:
            raise disk_trouble(error, "ask the run to stop", path) from error

    def pause(self) -> None:
        """Refused: only the notebook that trains it can pause a run."""
        raise self._refusal("paused")

    def resume(self) -> None:
        """Refused here: `%train resume <id>` goes on from a run's checkpoint."""
        raise self._refusal("resumed")

    def save(self) -> None:
        """Refused: only the notebook that trains it can save a run."""
        raise self._refusal("saved")

    def set_lr(self, value: float) -> None:
        """Refused: only the notebook that trains it can change a run."""
        raise self._refusal("changed")

    def change(self, wishes: Any) -> None:
        """Refused: only the notebook that trains it can change a run."""
        raise self._refusal("changed")

    set_epochs = set_max_steps = set_patience = change

    def _refusal(self, word: str) -> UserError:
        status = self.status
        if status.alive:
            advice = "Do it in the notebook that trains it; from here it can be stopped: run.stop()."
        else:
            advice = f"To go on from its last checkpoint: %train resume {self.id}"
        return UserError(
            f"The run {self.id} was read from disk ({status}) and cannot be {word} here.", suggestion=advice
        )

    def _text(self, name: str) -> str | None:
        try:
            return (self.dir / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InvalidMetrics(f"{self.dir / name} cannot be read: {error.strerror or error}.") from error


def _finding(row: dict[str, Any]) -> Finding | None:
    """Read a finding back; None for a row that is none (a line that a newer nbtrain wrote)."""
    known = {key: value for key, value in row.items() if key in Finding.__dataclass_fields__}
    try:
        severity, confidence = Severity(known["severity"]), Confidence(known.get("confidence", "certain"))
        return Finding(**{**known, "severity": severity, "confidence": confidence})
    except (KeyError, ValueError, TypeError):
        return None
