"""checkpoints: what a run has kept: step, metrics, which is the best, how large, whether it is whole."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain import units
from nbtrain.commands.pick import pick
from nbtrain.commands.spec import DIR, RUN, Command, Context
from nbtrain.errors import RunNotFound
from nbtrain.report.model import Report, Section, Table
from nbtrain.runs.root import default_root

COLUMNS = ("epoch", "kept_as", "size", "saved_at", "path")


def list_checkpoints(run: str | Path | Any = None, *, dir: str | Path | None = None) -> Any:
    """Return the checkpoints of a run as a DataFrame indexed by step, newest first.

    Columns: epoch, kept_as (best, last, "best, last", "", or damaged), size (bytes), saved_at (UTC), the
    metrics measured there, path. Nothing is loaded; hashes are verified when a checkpoint is.

    Args:
        run: a run, its id, a unique beginning of it, name or folder; None takes the newest of the folder.
        dir: folder that holds the run folders; None takes `runs`, or what `%config NBTrain.dir` says.

    Raises:
        RunNotFound: no such run; names the nearest.
    """
    from nbtrain.runs.listing import newest_run
    from nbtrain.runs.stored import StoredRun

    dir = default_root() if dir is None else dir
    if run is None:
        folder = newest_run(Path(dir))
        if folder is None:
            raise RunNotFound(f"There is no run in the folder `{dir}`.", suggestion="Give another: dir=...")
        return _table(folder)
    if isinstance(run, (str, Path)):
        run = StoredRun.load(Path(dir), run)
    if getattr(run, "dir", None) is None:
        raise RunNotFound("The run has not been started: it kept nothing.", suggestion="Start it first.")
    return _table(Path(run.dir))


def _table(folder: Path) -> Any:
    import pandas as pd

    from nbtrain.runs.checkpoint import CheckpointStore
    from nbtrain.runs.checkpoint_folder import step_of

    store = CheckpointStore(folder / "checkpoints")
    infos = store.all()
    names = list(dict.fromkeys(name for info in infos for name in info.metrics))
    rows: list[dict[str, Any]] = []
    for place, info in enumerate(infos):
        kept = [word for word, so in (("best", info.is_best), ("last", place == 0)) if so]
        rows.append({
            "step": info.step, "epoch": info.epoch, "kept_as": ", ".join(kept), **info.metrics,
            "size": info.size_bytes, "saved_at": info.saved_at, "path": str(info.path),
        })  # fmt: skip
    for problem in store.damaged():
        path = Path(str(problem.details.get("path", ""))).parent
        rows.append({"step": step_of(path.name) or 0, "kept_as": "damaged", "path": str(path)})
    columns = ["step", *COLUMNS[:2], *names, *COLUMNS[2:]]
    table = pd.DataFrame(rows, columns=columns).set_index("step")
    table["saved_at"] = pd.to_datetime(table["saved_at"], utc=True, errors="coerce")
    return table


def _run(args: SimpleNamespace, context: Context) -> Any:
    run = pick(args.run, context, dir=args.dir)
    return _report(run.id, list_checkpoints(run))


def _report(run_id: str, table: Any) -> Report:
    rows = table.reset_index().to_dict("records")
    known = [{name: value for name, value in row.items() if value == value} for row in rows]
    for row in known:
        row["saved_at"] = str(row["saved_at"]) if row.get("saved_at") is not None else None
    names = [name for name in table.columns if name not in COLUMNS]
    shown = tuple(
        (
            units.count(row["step"]), row["kept_as"],
            *(units.number(row[name]) if name in row else "–" for name in names),
            units.size(row["size"]) if "size" in row else "–", row["path"],
        )
        for row in known
    )  # fmt: skip
    columns = ("Step", "Kept as", *names, "Size", "Folder")
    n = len(rows)
    headline = f"{n} checkpoint{'s' * (n != 1)}." if n else "It has kept no checkpoint yet."
    numeric = tuple(place for place in (0, *range(2, 3 + len(names))))
    sections = (Section("Kept", (Table(columns, shown, numeric=numeric),)),) if n else ()
    data = {"run_id": run_id, "checkpoints": known}
    return Report(f"Checkpoints of {run_id}", sections, headline, data=data)


COMMAND = Command(
    "checkpoints",
    "list the checkpoints of a run",
    _run,
    (RUN, DIR),
    examples=("", "digits", "digits --dir experiments/runs"),
)
