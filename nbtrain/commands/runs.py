"""runs: what has been trained, in this kernel and on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbtrain.commands.spec import Argument, Command


def runs(dir: str | Path = "runs") -> Any:
    """Return the runs under a folder as a DataFrame, newest first.

    Args:
        dir: folder that holds the run folders.
    """
    from nbtrain.runs.listing import runs_table

    return runs_table(Path(dir))


def load_run(run: str | Path, *, dir: str | Path = "runs") -> Any:
    """Read a run back from disk: its history, epochs, alerts, manifest, checkpoints.

    Args:
        run: id, unique start of an id, name, or the run's folder. dir: folder that holds the run folders.

    Raises:
        RunNotFound: no such run; names the nearest.
    """
    from nbtrain.runs.stored import StoredRun

    return StoredRun.load(Path(dir), run)


def last_run() -> Any:
    """Return the run started last in this kernel, None when there is none."""
    from nbtrain.train import active

    return active.newest()


COMMAND = Command(
    "runs",
    "list the runs of this kernel and on disk",
    lambda args, context: runs(args.dir or context.runs_dir),
    (Argument(("--dir",), "folder of the run folders (runs)"),),
)
