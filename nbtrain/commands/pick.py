"""Which run a word means: this kernel's runs first, then those on disk."""

from __future__ import annotations

from typing import Any

from nbtrain.errors import RunNotFound, UsageError


def pick(word: str | None, *, root: str, alive: bool = False) -> Any:
    """Return the run of that id, name, start of an id or folder; without a word the newest.

    Args:
        word: what the person typed, or None. root: folder of the run folders. alive: only a run that trains
        now counts.

    Raises:
        RunNotFound: there is none.
        UsageError: several runs train and none was named.
    """
    from nbtrain.runs.listing import newest_run
    from nbtrain.runs.stored import StoredRun
    from nbtrain.train import active

    if alive and word is None:
        living = active.alive()
        if len(living) > 1:
            names = ", ".join(run.id for run in living)
            raise UsageError(
                f"{len(living)} runs are training: {names}.",
                suggestion=f"Name one, e.g. %train stop {living[-1].id}",
            )
        if living:
            return living[0]
        raise RunNotFound(
            "No run is training in this kernel.", suggestion="%train status shows the last one."
        )
    if word is None:
        newest = active.newest()
        if newest is not None:
            return newest
        folder = newest_run(root)
        if folder is None:
            raise RunNotFound(
                f"No run yet: none in this kernel, none in the folder `{root}`.",
                suggestion="%train starts one.",
            )
        return StoredRun(folder)
    here = active.find(word)
    return here if here is not None else StoredRun.load(root, word)
