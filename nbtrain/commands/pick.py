"""Which run a word means: this kernel's runs first, then those on disk."""

from __future__ import annotations

from typing import Any

from nbtrain.commands.spec import Context
from nbtrain.errors import RunNotFound, UsageError


def pick(word: str | None, context: Context, *, dir: str | None = None) -> Any:
    """Return the run of that id, name, beginning of an id or folder; without a word the newest.

    Args:
        word: what the person typed, or None.
        dir: folder of the run folders; None takes the context's. With one, only the disk is looked at.

    Raises:
        RunNotFound: there is none, or more than one is meant.
    """
    from nbtrain.running import active
    from nbtrain.runs.listing import newest_run
    from nbtrain.runs.stored import StoredRun

    root = dir or context.runs_dir
    here = None
    if dir is None:
        here = active.newest() if word is None else active.find(word)
    if here is not None:
        return here
    if word is not None:
        stored = StoredRun.load(root, word)
        return active.find(stored.id) or stored
    folder = newest_run(root)
    if folder is None:
        kernel = "none in this kernel, " if context.in_notebook else ""
        raise RunNotFound(
            f"No run yet: {kernel}none in the folder `{root}`.",
            suggestion="%train starts one." if context.in_notebook else "Name another folder with --dir.",
        )
    return StoredRun(folder)


def pick_living(word: str | None, context: Context, *, verb: str, dir: str | None = None) -> Any:
    """Return the run that trains now and is meant; without a word the only one there is.

    A notebook means a run of its own kernel unless it names another; a terminal means those on disk.

    Args:
        verb: what is to be done with it, for the texts.

    Raises:
        RunNotFound: none trains.
        UsageError: several train and none was named, or the one named is over.
    """
    from nbtrain.running import active

    if word is not None:
        run = pick(word, context, dir=dir)
        if not run.status.alive:
            raise UsageError(
                f"Run {run.id} is {run.status}: there is nothing to {verb}.",
                suggestion="%train runs lists the runs." if context.in_notebook else "See nbtrain runs.",
            )
        return run
    elsewhere = _living_on_disk(dir or context.runs_dir)
    living = active.alive() if context.in_notebook and dir is None else elsewhere
    say = "%train" if context.in_notebook else "nbtrain"
    if len(living) == 1:
        return living[0]
    if living:
        raise UsageError(
            f"{len(living)} runs are training: {', '.join(run.id for run in living)}.",
            suggestion=f"Name one, e.g. {say} {verb} {living[-1].id}",
        )
    if not context.in_notebook or dir is not None:
        raise RunNotFound(
            f"No run is training in the folder `{dir or context.runs_dir}`.",
            suggestion="Name another folder with --dir.",
        )
    hint = "%train status shows the last one."
    if elsewhere:
        hint = f"Another process trains {elsewhere[0].id}; name it: %train {verb} {elsewhere[0].id}"
    raise RunNotFound("No run is training in this kernel.", suggestion=hint)


def _living_on_disk(root: str) -> list[Any]:
    from nbtrain.runs.listing import list_runs
    from nbtrain.runs.stored import StoredRun

    return [StoredRun(folder) for folder, told in list_runs(root) if told is not None and told.status.alive]
