"""The folder of a run while it is written. Owns what lies where in it; knows nothing of what trains.

    <root>/<run_id>/manifest.json  config.yaml  plan.md  cells.py  report.md  figures/
                    logs/training.log  logs/metrics.jsonl  logs/alerts.jsonl
                    logs/metrics.json  logs/train_loss.csv  logs/val_loss.csv
                    checkpoints/step-00001234/     STOP (asks the run to end; see `take_stop_request`)

Every method may be called from any thread. A disk that refuses is a RunFolderError: the caller decides what
becomes of the run, and training goes on.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from nbtrain.errors import RunFolderError
from nbtrain.findings import Finding
from nbtrain.runs.checkpoint import CheckpointStore
from nbtrain.runs.files import REAL, TEMPORARY, Files, disk_trouble, remove_leftovers, replace_file
from nbtrain.runs.journal import Journal
from nbtrain.runs.layout import (
    ALERTS_FILE,
    CHECKPOINTS,
    CONFIG_FILE,
    EPOCHS_FILE,
    LOG_FILE,
    LOGS,
    STEPS_FILE,
    STOP_FILE,
    TRAIN_CURVE_FILE,
    VAL_CURVE_FILE,
)
from nbtrain.runs.lock import OwnerLock
from nbtrain.runs.manifest import Manifest, utc_now
from nbtrain.runs.metrics import one_row_an_epoch, with_evaluations, write_curve, write_metrics
from nbtrain.runs.names import inside, new_run_id
from nbtrain.runs.owner import this_process
from nbtrain.runs.plain import for_json


class RunFolder:
    """One run's folder, owned by this process until `close`."""

    def __init__(self, path: Path, manifest: Manifest, lock: OwnerLock, fs: Files = REAL) -> None:
        """Take over an existing folder; use `create` or `open`."""
        self.path = path
        self.id = path.name
        self.checkpoints = CheckpointStore(path / CHECKPOINTS, fs)
        self._fs, self._lock, self._manifest = fs, lock, manifest
        self._writing = threading.RLock()
        self._steps = Journal(path / STEPS_FILE)
        self._alerts = Journal(path / ALERTS_FILE)
        self._closed = False
        self._made: list[Path] = []  # folders above that were made for this run

    @classmethod
    def create(
        cls,
        root: str | os.PathLike[str],
        name: str,
        manifest: Manifest | Mapping[str, Any] | None = None,
        fs: Files = REAL,
    ) -> RunFolder:
        """Make the folder of a new run: there whole, or not at all.

        Args:
            root: folder of the run folders, made if absent.
            name: the person's name for the run; the folder's is made from it (see `names.slug`).
            manifest: what is known already; run_id, name, owner and created_at are filled in.

        Raises:
            RunFolderError: it cannot be written there; says where and why.
        """
        root = Path(os.path.abspath(Path(root).expanduser()))  # noqa: PTH100 - resolve() would follow links
        run_id = new_run_id(name)
        beside = root / f"{TEMPORARY}{run_id}-{uuid.uuid4().hex[:4]}"
        known = manifest if isinstance(manifest, Manifest) else Manifest.from_dict(dict(manifest or {}))
        known = replace(
            known,
            run_id=run_id,
            name=str(name) or known.name,
            owner=this_process().to_dict(),
            created_at=known.created_at or utc_now(),
        )
        made: list[Path] = []
        place = beside
        try:
            made = _make_folders(root, fs)
            for folder in (beside, beside / LOGS, beside / CHECKPOINTS):
                fs.mkdir(folder)
            lock = OwnerLock.acquire(beside)
            known.write(beside, fs)
            fs.rename(beside, root / run_id)
            place = root / run_id
            fs.fsync_folder(root)
            run = cls(place, known, lock.moved(place), fs)
            run._made = made
            return run
        except (OSError, RunFolderError) as error:
            _undo(place, made)
            if isinstance(error, RunFolderError):
                raise
            raise disk_trouble(error, "make a run folder", root / run_id, fs=fs) from error

    @classmethod
    def open(cls, path: str | os.PathLike[str], fs: Files = REAL) -> RunFolder:
        """Take over the folder of an earlier run to go on with it: removes what a crash left half written.

        Raises:
            RunFolderError: another living process owns it (details: pid), it is no run folder, or cannot
                be written.
        """
        folder = Path(os.path.abspath(path))  # noqa: PTH100
        manifest = Manifest.read(folder, fs)
        lock = OwnerLock.acquire(folder)
        try:
            run = cls(folder, replace(manifest, owner=this_process().to_dict()), lock, fs)
            gone = [*remove_leftovers(folder, fs), *run.checkpoints.clean_leftovers()]
            (folder / STOP_FILE).unlink(missing_ok=True)
        except OSError as error:
            lock.release()
            raise disk_trouble(error, "take over the run folder", folder, fs=fs) from error
        except RunFolderError:
            lock.release()
            raise
        if gone:
            run.log(f"removed what an interrupted write had left: {', '.join(gone)}")
        return run

    def __repr__(self) -> str:
        return f"<run folder {self.path}>"

    @property
    def manifest(self) -> Manifest:
        """The manifest as last written."""
        return self._manifest

    def write_manifest(self, **changes: Any) -> Manifest:
        """Write the manifest with changes, in one step. A dict for a section is laid over what is there.

        The checkpoints section is filled from the folder unless it is given.

        Raises:
            RunFolderError: the disk refused; the manifest before is as it was.
        """
        with self._writing:
            if "checkpoints" not in changes:
                changes["checkpoints"] = self._checkpoint_paths()
            changed = self._manifest.changed(**changes)
            if changed.status.over and changed.completed_at is None:
                changed = replace(changed, completed_at=utc_now())
            if changed.status.alive and changed.started_at is None:
                changed = replace(changed, started_at=utc_now())
            if changed.status.alive:
                changed = replace(changed, completed_at=None)
            changed.write(self.path, self._fs)
            self._manifest = changed
            return changed

    def add_event(self, kind: str, **details: Any) -> None:
        """Note a change made while the run goes on (an lr edit, a recovery): {"at", "kind", ...}."""
        with self._writing:
            event = {"at": utc_now(), "kind": kind, **details}
            self.write_manifest(events=(*self._manifest.events, event))

    def append_steps(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append step rows, or records with a "kind", to logs/metrics.jsonl. About 3 us a row, 1 us in a
        `Table`.
        """
        self._guarded(self._steps.append, rows)

    def append_alerts(self, alerts: Iterable[Finding]) -> None:
        """Append alerts to logs/alerts.jsonl."""
        self._guarded(self._alerts.append, [alert.to_dict() for alert in alerts])

    def write_epochs(
        self, rows: Sequence[Mapping[str, Any]], evaluations: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """Write the epochs' rows (all of them, each time) to logs/metrics.json and the two CSV curves.

        `evaluations` are those within epochs, which val_loss.csv has too.
        """
        with self._writing:
            path, known = self.path / EPOCHS_FILE, self._manifest
            write_metrics(path, rows, run_id=known.run_id, seed=known.seed, fs=self._fs)
            write_curve(self.path / TRAIN_CURVE_FILE, one_row_an_epoch(rows), "train_loss", self._fs)
            self.write_validation_curve(rows, evaluations)

    def write_validation_curve(
        self, epochs: Sequence[Mapping[str, Any]], evaluations: Sequence[Mapping[str, Any]]
    ) -> None:
        """Write logs/val_loss.csv: a row a validation, by step."""
        rows = with_evaluations(epochs, evaluations)
        with self._writing:
            write_curve(self.path / VAL_CURVE_FILE, rows, "val_loss", self._fs)

    def write_config(self, config: Mapping[str, Any]) -> Path:
        """Write the resolved plan as config.yaml; objects in it become their repr."""
        return self.write_text(CONFIG_FILE, _as_yaml(config))

    def write_text(self, relative: str | Path, text: str) -> Path:
        """Write a text file below the folder, in one step, as UTF-8; returns its path."""
        return self.write_bytes(relative, text.encode("utf-8", "backslashreplace"))

    def write_bytes(self, relative: str | Path, data: bytes) -> Path:
        """Write a file below the folder, in one step; returns its path.

        Raises:
            RunFolderError: the path leads out of the folder, or the disk refused.
        """
        path = inside(self.path, relative)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, data, self._fs)
        except OSError as error:
            raise disk_trouble(
                error, f"write {relative}", path, needed_bytes=len(data), fs=self._fs
            ) from error
        return path

    def log(self, *lines: str) -> None:
        """Append lines to logs/training.log, each with the local time in front."""
        path = self.path / LOG_FILE
        now = f"{datetime.now():%Y-%m-%d %H:%M:%S}"
        data = "".join(f"{now} {line.rstrip()}\n" for line in lines).encode("utf-8", "backslashreplace")
        try:
            with self._writing, path.open("ab") as handle:
                handle.write(data)
        except OSError as error:
            raise disk_trouble(error, "write the log", path, needed_bytes=len(data), fs=self._fs) from error

    def take_stop_request(self) -> str | None:
        """Return "step" or "epoch" when a STOP file lies in the folder, and take it away; else None.

        Cheap; the pump calls it a few times a second, which is also the run's sign of life for other
        machines.
        """
        self._lock.renew()
        path = self.path / STOP_FILE
        try:
            text = path.read_bytes()[:100]
        except OSError:
            return None
        with contextlib.suppress(OSError):  # a request that stays is obeyed again, which ends nothing twice
            path.unlink()
        return "epoch" if text.strip().lower() == b"epoch" else "step"

    def stop_requested(self) -> bool:
        """True once for each STOP file put into the folder."""
        return self.take_stop_request() is not None

    def close(self) -> None:
        """Give the folder back. Twice does nothing.

        Raises:
            RunFolderError: the disk refused the last rows; the folder is given back all the same.
        """
        with self._writing:
            if self._closed:
                return
            self._closed = True
            try:
                self._steps.flush()
                self._alerts.flush()
            finally:
                self._steps.close()
                self._alerts.close()
                self._lock.release()

    def discard(self) -> None:
        """Take the whole folder back, and the folders above that were made for it: the run never began."""
        self.close()
        _undo(self.path, self._made)

    def _guarded(self, write: Any, rows: Any) -> None:
        with self._writing:
            if self._closed:
                raise RunFolderError(
                    f"The run folder {self.path} is closed.", suggestion="Open it again with resume."
                )
            write(rows)

    def _checkpoint_paths(self) -> dict[str, Any]:
        infos = self.checkpoints.all()
        best = next((info for info in infos if info.is_best), None)
        return {
            "best_checkpoint": best and f"{CHECKPOINTS}/{best.path.name}",
            "final_checkpoint": f"{CHECKPOINTS}/{infos[0].path.name}" if infos else None,
            "all_checkpoints": [f"{CHECKPOINTS}/{info.path.name}" for info in reversed(infos)],
        }


def _as_yaml(config: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    text = io.StringIO()
    yaml.dump(for_json(config), text)
    return text.getvalue()


def _make_folders(path: Path, fs: Files) -> list[Path]:
    """Make `path` and the folders above it that are absent; return those made, outermost first."""
    absent = [folder for folder in (path, *path.parents) if not fs.exists(folder)][::-1]
    made: list[Path] = []
    try:
        for folder in absent:
            fs.mkdir(folder)
            made.append(folder)
            fs.fsync_folder(folder.parent)
    except OSError:
        _undo(None, made)
        raise
    return made


def _undo(folder: Path | None, made: list[Path]) -> None:
    """Take back what a refused `create` made; only folders that are empty again go."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    for empty in reversed(made):
        with contextlib.suppress(OSError):  # somebody else put something there meanwhile
            empty.rmdir()
