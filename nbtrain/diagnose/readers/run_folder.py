"""A run's folder: its metrics.json, its steps, and what its manifest says of the set-up."""

from __future__ import annotations

from pathlib import Path

from nbtrain.diagnose.history import History
from nbtrain.diagnose.reader import Reader
from nbtrain.diagnose.run_history import history_of_run
from nbtrain.runs.manifest import MANIFEST_FILE
from nbtrain.runs.stored import StoredRun


def _recognises(path: Path) -> bool:
    return path.is_dir() and (path / MANIFEST_FILE).is_file()


def read(path: Path) -> History:
    """Read a run from its folder.

    Raises:
        RunFolderError: its manifest is damaged. InvalidMetrics: its metrics.json is.
    """
    return history_of_run(StoredRun(path))


READER = Reader("run-folder", "a run's folder", 10, _recognises, read)
