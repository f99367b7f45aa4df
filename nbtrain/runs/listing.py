"""The runs below a folder: listed, and found by what a person calls them. Changes nothing."""

from __future__ import annotations

import difflib
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrain.errors import RunFolderError, RunNotFound
from nbtrain.runs.manifest import MANIFEST_FILE, Manifest
from nbtrain.runs.names import is_run_id
from nbtrain.runs.standing import has_told_its_end, results_so_far

if TYPE_CHECKING:
    import pandas as pd

TABLE_COLUMNS = (
    "name", "status", "created_at", "steps", "epochs", "train_loss", "val_loss", "best_val_loss",
    "best_epoch", "hours", "model", "tags", "stop_reason", "dir",
)  # fmt: skip


def list_runs(root: str | os.PathLike[str]) -> list[tuple[Path, Manifest | None]]:
    """Return the run folders below `root` with their manifests, newest first; None for a damaged one."""
    found: list[tuple[Path, Manifest | None]] = []
    for folder in _folders(Path(root)):
        try:
            found.append((folder, Manifest.read(folder)))
        except RunFolderError:
            if (folder / MANIFEST_FILE).exists():
                found.append((folder, None))
    return sorted(found, key=_newest, reverse=True)


def runs_table(root: str | os.PathLike[str] = "runs") -> pd.DataFrame:
    """List the runs below `root` as a table indexed by run id, newest first.

    Columns: name, status, created_at (UTC), steps, epochs (finished ones), train_loss and val_loss (the
    last ones), best_val_loss, best_epoch, hours, model, tags, stop_reason, dir. A run whose manifest is
    damaged has the status `unreadable`. No runs, or no such folder, give an empty table with the same
    columns.
    """
    import pandas as pd

    rows = {folder.name: _row(folder, manifest) for folder, manifest in list_runs(root)}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(TABLE_COLUMNS))
    table.index.name = "run_id"
    table["created_at"] = pd.to_datetime(table["created_at"], utc=True, errors="coerce")
    return table


def find_run(root: str | os.PathLike[str], key: str | os.PathLike[str], *, allow_dir: bool = True) -> Path:
    """Return the folder of the run that a person means.

    Args:
        root: folder of the run folders.
        key: the run's id, the beginning of it when only one run begins so, the name it was given (then
            the newest run of that name), or a path of its folder.
        allow_dir: also take paths. Without it the answer always lies below `root`.

    Raises:
        RunNotFound: no run is meant, or more than one; says which there are.
    """
    root, text = Path(root), os.fspath(key)
    if not text or "\0" in text:
        raise RunNotFound(f"{text!r} names no run.", suggestion="`nbtrain.runs()` lists the runs there are.")
    if isinstance(key, str):
        if (folder := _by_id(root, text)) is not None:
            return folder
        if (folder := _by_prefix_or_name(root, text)) is not None:
            return folder
    if allow_dir:
        folder = Path(text).expanduser()
        if folder.name == MANIFEST_FILE:
            folder = folder.parent
        if (folder / MANIFEST_FILE).is_file():
            return folder.resolve()
        if folder.is_dir() and len(text) > 1:
            raise RunNotFound(
                f"The folder {folder} holds no {MANIFEST_FILE}, so it is no run folder.",
                suggestion="Give the run's own folder, e.g. runs/<run id>.",
                given=text,
            )
    raise _not_found(root, text)


def newest_run(root: str | os.PathLike[str], name: str | None = None) -> Path | None:
    """Return the folder of the newest run below `root`, of that name if one is given; or None."""
    for folder, manifest in list_runs(root):
        if manifest is not None and (name is None or manifest.name == name):
            return folder
    return None


def _by_id(root: Path, text: str) -> Path | None:
    if not is_run_id(text):
        return None
    folder = root / text
    if not (folder / MANIFEST_FILE).is_file():
        return None
    if not folder.resolve().is_relative_to(root.resolve()):
        raise RunNotFound(
            f"The run {text} in {root} is a link that leads out of that folder.",
            suggestion=f"Give the folder itself: {folder.resolve()}.",
            given=text,
        )
    return folder.resolve()


def _by_prefix_or_name(root: Path, text: str) -> Path | None:
    named = newest_run(root, text)
    if named is not None:
        return named.resolve()
    starting = [folder for folder in _folders(root) if is_run_id(text) and folder.name.startswith(text)]
    starting = [folder for folder in starting if _by_id(root, folder.name) is not None]
    if len(starting) > 1:
        names = ", ".join(folder.name for folder in starting[:5]) + (", …" if len(starting) > 5 else "")
        raise RunNotFound(
            f"{len(starting)} runs begin with {text!r}: {names}.",
            suggestion="Give more of the id.",
            given=text,
            candidates=[folder.name for folder in starting],
        )
    return starting[0].resolve() if starting else None


def _not_found(root: Path, text: str) -> RunNotFound:
    shown = repr(text if len(text) <= 80 else text[:79] + "…")
    ids = [folder.name for folder in _folders(root) if (folder / MANIFEST_FILE).exists()]
    close = difflib.get_close_matches(text[:200], ids, n=1)
    if close:
        advice = f"Did you mean {close[0]!r}?"
    elif ids:
        advice = (
            f"The newest are: {', '.join(sorted(ids, reverse=True)[:3])}. `nbtrain.runs()` lists them all."
        )
    else:
        advice = f"There are no runs in {root.absolute()}; give another folder with dir=..."
    return RunNotFound(
        f"No run is known as {shown} in {root}.", suggestion=advice, given=text[:200], root=str(root)
    )


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if is_run_id(path.name) and path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        warnings.warn(f"The folder {root} cannot be listed: {error.strerror or error}.", stacklevel=4)
        return []


def _newest(entry: tuple[Path, Manifest | None]) -> tuple[str, str]:
    folder, manifest = entry
    return ((manifest.created_at if manifest else None) or "", folder.name)


def _row(folder: Path, manifest: Manifest | None) -> list[Any]:
    if manifest is None:
        return [folder.name, "unreadable", *[None] * (len(TABLE_COLUMNS) - 3), str(folder)]
    results, progress = manifest.training_results, manifest.progress
    if not has_told_its_end(manifest):
        results = {**results, **results_so_far(folder, manifest)}
    steps = results.get("total_steps")
    return [
        manifest.name,
        str(manifest.status),
        manifest.created_at,
        progress.get("step") if steps is None else steps,
        results.get("total_epochs", progress.get("epoch")),
        results.get("final_train_loss"),
        results.get("final_val_loss"),
        results.get("best_val_loss"),
        results.get("best_epoch"),
        results.get("training_time_hours"),
        manifest.base_model,
        ", ".join(manifest.tags),
        manifest.stop_reason,
        str(folder),
    ]
