"""resume: let a paused run go on, or go on with an ended one from its latest good checkpoint."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain.commands import configured, start
from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import RunNotFound, UsageError

OFFERED = 3  # interrupted runs told of under a table; the others are in it
MEANT = Argument(
    ("run",), "id, beginning of an id, name or folder; the paused or else the newest one", metavar="RUN"
)
NAMED = tuple(
    Argument(
        (f"--{role}",), f"{role} by name; found among the notebook's variables when left out", metavar="NAME"
    )
    for role in ("model", "data")
)
_WITHOUT = {"resume", "name", *(one.dest for one in configured.ARGUMENTS)}
OPTIONS = tuple(one for one in start.OPTIONS if one.dest not in _WITHOUT)
FRONT = tuple(one for one in start.FRONT_ONLY if one.dest != "yes")


def resume(args: SimpleNamespace, context: Context) -> Any:
    """Return a text where a paused run goes on; else the run that goes on from its checkpoint, planned.

    Raises:
        UsageError: nothing to go on with, or what the notebook holds does not fit it.
    """
    living = _living(args, context)
    if living is not None:
        was_paused = living.pausing
        living.resume()
        if was_paused:
            return f"{living.id} goes on."
        return f"{living.id} was not paused: it trains, at step {living.progress.step:,}."
    root = Path(args.dir or context.runs_dir)
    file = _configuration(args, root)
    if context.namespace is None and file is None:
        raise _needs_objects(args.run, root)
    words = {name: value for name, value in vars(args).items() if name not in ("run", "model", "data")}
    objects = [args.model, args.data]
    word = _known(args) or args.run or _newest(root)
    none = {one.dest: None for one in configured.ARGUMENTS}
    if file is not None:
        none |= {"config": file, "data": args.data}
        objects = [args.model] if args.model else []
    line = SimpleNamespace(**{**words, **none, "name": None, "resume": word, "objects": objects})
    return start.planned(line, context)


def _configuration(args: SimpleNamespace, root: Path) -> str | None:
    """The stored configuration of the run that is meant, None where it was made of a notebook's objects."""
    from nbtrain.runs.layout import CONFIG_FILE
    from nbtrain.runs.listing import find_run, newest_run
    from nbtrain.runs.manifest import Manifest

    word = _known(args) or args.run
    folder = find_run(root, word) if word is not None else newest_run(root)
    if folder is None or "configuration" not in Manifest.read(folder).hyperparameters:
        return None
    return str(folder / CONFIG_FILE)


def offers(table: Any) -> list[str]:
    """Return a sentence for each interrupted run of a table of runs that can go on, the newest first."""
    from nbtrain.errors import NbtrainError
    from nbtrain.runs.manifest import Manifest
    from nbtrain.train.resume import offer

    said = []
    for folder in map(Path, table[table["status"] == "interrupted"]["dir"][:OFFERED]):
        try:
            said.append(offer(Manifest.read(folder), folder))
        except NbtrainError:  # damaged: the table says so
            continue
    return [text for text in said if text]


def _living(args: SimpleNamespace, context: Context) -> Any:
    """The living run of this kernel that is meant: the one named, or the only one that is paused."""
    from nbtrain.running import active

    if args.dir is not None or not context.in_notebook:
        return None
    if args.run is not None:
        run = active.find(args.run)
        return run if run is not None and run.status.alive else None
    living = active.alive()
    paused = [run for run in living if str(run.status) == "paused"] or living
    if len(paused) > 1:
        raise UsageError(
            f"{len(paused)} runs are {paused[0].status}: {', '.join(run.id for run in paused)}.",
            suggestion=f"Name one, e.g. %train resume {paused[-1].id}",
        )
    return paused[0] if paused else None


def _known(args: SimpleNamespace) -> str | None:
    """The folder of an ended run of this kernel, wherever it lies."""
    from nbtrain.running import active

    run = active.find(args.run) if args.run is not None and args.dir is None else None
    return str(run.dir) if run is not None and run.dir is not None else None


def _newest(root: Path) -> str:
    from nbtrain.runs.listing import newest_run

    folder = newest_run(root)
    if folder is None:
        raise RunNotFound(
            f"No run is training in this kernel, and there is none in the folder `{root}` to go on with.",
            suggestion="%train starts one; --dir names another folder.",
        )
    return folder.name


def _needs_objects(word: str | None, root: Path) -> UsageError:
    """Say in a terminal what there is to go on with, and where that can be done."""
    from nbtrain.train.resume import find_point

    point = find_point(word or True, root=root)
    return UsageError(
        f"Run {point.run_id} ({point.manifest.status}) can go on from step {point.info.step:,} "
        f"({point.info.path}), on the objects of a notebook or a script; a terminal has none.",
        suggestion=f"In a notebook: %train resume {point.run_id}. In a script: nbtrain.train(model, data, "
        f"resume={point.run_id!r}).",
        run_id=point.run_id,
        step=point.info.step,
        checkpoint=str(point.info.path),
        metrics=point.info.metrics,
    )


COMMAND = Command(
    "resume",
    "let a paused run, or an ended one from its checkpoint, go on",
    resume,
    (MEANT, *NAMED, *OPTIONS, *FRONT),
    with_objects=(
        "",
        "digits",
        "digits-20260101-120000-ab12 --epochs 20",
    ),
    examples=(),
)
