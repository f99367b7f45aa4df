"""The runs of this kernel: which are alive, which was the newest, and who trains which parameters."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbtrain.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

    from nbtrain.train.run import Run

_runs: list[Callable[[], Run | None]] = []
_lock = threading.Lock()
KEPT = 50  # ended runs a kernel remembers; older ones are on disk


@contextmanager
def registered(run: Run) -> Iterator[None]:
    """Count a run that starts in the block among this kernel's; not if the block fails.

    Raises:
        UsageError: a living run trains parameters of the same model.
    """
    with _lock:
        refuse_if_training(run.objects.model)
        yield
        _forget_old()
        _runs.append(lambda: run)


def refuse_if_training(model: nn.Module) -> None:
    """Refuse a model of which a living run trains parameters.

    Raises:
        UsageError: names the run and the ways on.
    """
    mine = {id(p) for p in model.parameters()}
    for other in alive():
        theirs = other.objects.model  # None when it has ended since
        if theirs is not None and mine & {id(p) for p in theirs.parameters()}:
            raise UsageError(
                f"Run `{other.id}` ({other.status}) is training this model right now.",
                suggestion="Wait for it (nbtrain.last_run().wait()), stop it (%train stop), or train a copy: "
                "copy.deepcopy(model).",
            )


def _forget_old() -> None:
    """Keep the newest of the ended runs, and none alive for the sake of a model that only it still holds."""
    ended = [entry for entry in _runs if (known := entry()) is None or known.status.over]
    for entry in ended[: max(0, len(ended) - KEPT + 1)]:
        _runs.remove(entry)
    for place, entry in enumerate(_runs):
        known = entry()
        if known is not None and known.status.over and getattr(known.objects, "holds_model", False):
            _runs[place] = weakref.ref(known)


def newest() -> Run | None:
    """Return the run started last in this kernel."""
    return next(reversed(known()), None)


def alive() -> list[Run]:
    """Return the runs that train or wait now, oldest first."""
    return [run for run in known() if run.status.alive]


def known() -> list[Run]:
    """Return every run this kernel remembers, oldest first."""
    return [run for entry in list(_runs) if (run := entry()) is not None]


def find(word: str) -> Any:
    """Return this kernel's run of that id, name or start of an id, the newest first; None if none is."""
    for run in reversed(known()):
        if word in (run.id, run.name) or run.id.startswith(word):
            return run
    return None
