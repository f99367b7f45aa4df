"""A forked child of a process that trains: it has copies of the runs, and none of their threads.

In the child no run lives. It waits for none when it ends, and writes into no run folder: what it would write
there would be half of the truth, beside the parent that goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nbtrain.errors import RunFolderError
from nbtrain.runs.status import RunStatus

WHY = "this process was forked from the one that trains"


class ParentsFolder:
    """What a child knows of a run's folder: where it is, and what stood in its manifest.

    Attributes:
        path, id, manifest: as in `nbtrain.runs.store.RunFolder`.
    """

    def __init__(self, folder: Any) -> None:
        self.path, self.id, self.manifest = folder.path, folder.id, folder.manifest

    def __getattr__(self, name: str) -> Any:
        raise RunFolderError(
            f"The run folder {self.path} is its parent's: {WHY}.",
            suggestion="Do it in the parent process; nbtrain.load_run(...) reads the run here.",
        )


def leave_to_the_parent(runs: Iterable[Any]) -> None:
    """Have a child's copies of runs be over; called in the child, first thing, and in each forked worker."""
    for run in runs:
        execution = run._do
        if execution.over.is_set():
            continue
        execution.status = RunStatus.INTERRUPTED
        execution.state.stop_reason = WHY
        execution.watchers.clear()
        if execution.folder is not None:
            execution.folder = ParentsFolder(execution.folder)
        execution.over.set()
