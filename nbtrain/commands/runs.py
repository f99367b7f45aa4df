"""runs: what has been trained, in this kernel and on disk."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import DIR, Argument, Command, Context
from nbtrain.errors import UsageError
from nbtrain.runs.root import default_root


def runs(
    dir: str | Path | None = None, *, status: str | None = None, name: str | None = None,
    tag: str | None = None, sort: str | None = None, limit: int | None = None,
) -> Any:  # fmt: skip
    """Return the runs under a folder as a DataFrame indexed by run id, newest first.

    Args:
        dir: folder that holds the run folders; None takes `runs`, or what `%config NBTrain.dir` says, and
            adds what this kernel trained into other folders.
        status: only runs of this status; several with commas. name: only these, `*` for any letters.
        tag: only runs with this tag. sort: a column to sort by, the smallest first; `-column` the largest.
        limit: at most so many.

    Raises:
        UsageError: no such status or column.
    """
    table = _listing(Path(dir or default_root()), with_kernels=dir is None)
    return _chosen(table, Choice(status, name, tag, sort, limit))


@dataclass(frozen=True)
class Choice:
    """Which runs of a table, and in which order; see `runs`."""

    status: str | None = None
    name: str | None = None
    tag: str | None = None
    sort: str | None = None
    limit: int | None = None


def _chosen(table: Any, choice: Choice) -> Any:
    from nbtrain.runs.status import RunStatus

    if choice.status:
        wanted = [word.strip().lower() for word in choice.status.split(",") if word.strip()]
        known = [*(str(one) for one in RunStatus), "unreadable"]
        if unknown := [word for word in wanted if word not in known]:
            raise UsageError(
                f"There is no status `{unknown[0]}`.", suggestion=f"Allowed are {', '.join(known)}."
            )
        table = table[table["status"].isin(wanted)]
    if choice.name:
        table = table[[fnmatchcase(str(one).lower(), choice.name.lower()) for one in table["name"]]]
    if choice.tag:
        table = table[[choice.tag in str(one).split(", ") for one in table["tags"]]]
    if choice.sort:
        column = choice.sort.removeprefix("-")
        if column not in table.columns:
            raise UsageError(
                f"The table of runs has no column `{column}`.",
                suggestion=f"It has {', '.join(table.columns)}.",
            )
        table = table.sort_values(column, ascending=column == choice.sort, kind="stable", na_position="last")
    return table if choice.limit is None else table.head(choice.limit)


def _listing(folder: Path, *, with_kernels: bool) -> Any:
    from nbtrain.runs.listing import runs_table

    table = runs_table(folder)
    return _with_kernels(table) if with_kernels else table


def _with_kernels(table: Any) -> Any:
    """Add this kernel's runs that lie in other folders."""
    import pandas as pd

    from nbtrain.running import active
    from nbtrain.runs.listing import runs_table

    elsewhere: dict[Path, list[str]] = {}
    for run in active.known():
        if run.id not in table.index:
            elsewhere.setdefault(run.dir.parent, []).append(run.id)
    added = [
        found[found.index.isin(ids)] for folder, ids in elsewhere.items() if len(found := runs_table(folder))
    ]
    if not added:
        return table
    whole = pd.concat([table, *added] if len(table) else added)
    return whole.sort_values("created_at", ascending=False, kind="stable")


def load_run(run: str | Path, *, dir: str | Path | None = None) -> Any:
    """Read a run back from disk: its history, epochs, alerts, manifest, checkpoints.

    Args:
        run: id, unique beginning of an id, name, or the run's folder.
        dir: folder that holds the run folders; None takes `runs`, or what `%config NBTrain.dir` says.

    Raises:
        RunNotFound: no such run; names the nearest.
        UsageError: `run` or `dir` is no text and no path.
    """
    from nbtrain.runs.stored import StoredRun

    dir = default_root() if dir is None else dir
    for name, value in (("run", run), ("dir", dir)):
        if not isinstance(value, (str, Path)):
            raise UsageError(
                f"`{name}` is {value!r}; allowed are a text and a pathlib.Path.",
                suggestion='For example nbtrain.load_run("model-20260131-120000-1a2b", dir="runs").',
            )

    return StoredRun.load(Path(dir), run)


def last_run() -> Any:
    """Return the run started last in this kernel, None when there is none."""
    from nbtrain.running import active

    return active.newest()


def _run(args: SimpleNamespace, context: Context) -> Any:
    folder = Path(args.dir or context.runs_dir).expanduser()
    if args.dir and not folder.is_dir():
        raise UsageError(
            f"`{args.dir}` is a file, not a folder."
            if folder.exists()
            else f"There is no folder `{args.dir}`.",
            suggestion="Give the folder that holds the run folders, for example --dir runs.",
        )
    table = _listing(folder, with_kernels=args.dir is None and context.in_notebook)
    return _chosen(table, Choice(args.status, args.name, args.tag, args.sort, args.limit))


COMMAND = Command(
    "runs",
    "list the runs of this kernel and on disk",
    _run,
    (
        DIR,
        Argument(("--status",), "only these: completed, failed, ...; several with commas", metavar="STATUS"),
        Argument(("--name",), "only runs of this name, * for any letters", metavar="NAME"),
        Argument(("--tag",), "only runs with this tag", metavar="TAG"),
        Argument(("--sort",), "column to sort by, smallest first; -COLUMN: the largest", metavar="COLUMN"),
        Argument(("--limit",), "at most so many", kind=int, metavar="N"),
    ),
    examples=("", "--dir experiments/runs", "--status completed --sort val_loss --limit 5"),
)
