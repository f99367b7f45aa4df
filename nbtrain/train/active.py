"""The runs of this kernel: which are alive, which was the newest, and who trains which parameters."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbtrain.errors import UsageError

if TYPE_CHECKING:
    from nbtrain.train.run import Run

_runs: list[Run] = []
_lock = threading.Lock()
KEPT = 50  # ended runs a kernel remembers; older ones are on disk


@contextmanager
def registered(run: Run) -> Iterator[None]:
    """Count a run that starts in the block among this kernel's; not if the block fails.

    Raises:
        UsageError: a living run trains parameters of the same model.
    """
    with _lock:
        mine = {id(p) for p in run.objects.model.parameters()}
        for other in _runs:
            if other.status.alive and mine & {id(p) for p in other.objects.model.parameters()}:
                raise UsageError(
                    f"Run `{other.id}` ({other.status}) is training this model right now.",
                    suggestion="Wait for it (nbtrain.last_run().wait()), stop it (%train stop), or train a copy: copy.deepcopy(model).",
                )
        yield
        _runs.append(run)
        ended = [known for known in _runs if known.status.over]
        for old in ended[:-KEPT]:
            _runs.remove(old)


def newest() -> Run | None:
    """Return the run started last in this kernel."""
    return _runs[-1] if _runs else None


def alive() -> list[Run]:
    """Return the runs that train or wait now, oldest first."""
    return [run for run in list(_runs) if run.status.alive]


def known() -> list[Run]:
    """Return every run this kernel remembers, oldest first."""
    return list(_runs)


def find(word: str) -> Any:
    """Return this kernel's run of that id, name or start of an id, the newest first;
    None when there is none.
    """
    for run in reversed(list(_runs)):
        if word in (run.id, run.name) or run.id.startswith(word):
            return run
    return None
