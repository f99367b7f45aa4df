"""The runs of this kernel: which are alive, which was the newest, and who trains which parameters.

It also sees to them when the process ends: a script waits for its runs, a notebook's kernel stops them at a
step.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from nbtrain.errors import UsageError
from nbtrain.running import forked, terminate, viewing

if TYPE_CHECKING:
    from torch import Tensor

    from nbtrain.running.run import Run

_runs: list[Callable[[], Run | None]] = []
_lock = threading.Lock()
_borrowed: list[tuple[str, set[Any]]] = []  # what works on parameters without being a run
KEPT = 50  # ended runs a kernel remembers; older ones are on disk
EXIT_SECONDS = 4.0  # Jupyter kills a kernel that has not ended five seconds after it was asked to
_exit_is_seen_to = False


@contextmanager
def registered(run: Run) -> Iterator[None]:
    """Count a run that starts in the block among this kernel's; not if the block fails.

    Raises:
        UsageError: a living run trains some of its parameters.
    """
    with _lock:
        refuse_if_training(run.objects.parameters)
        _see_to_the_end()
        yield
        _forget_old()
        _runs.append(lambda: run)
    terminate.watch(alive)


@contextmanager
def borrowed(parameters: Iterable[Tensor], what: str) -> Iterator[None]:
    """Keep runs off parameters while something else works on them: a Start button may be clicked meanwhile.

    Args:
        what: as it begins a sentence.

    Raises:
        UsageError: a run trains some of them, or they are borrowed already.
    """
    held = list(parameters)
    entry = what, _marks(held)
    with _lock:
        refuse_if_training(held)
        _borrowed.append(entry)
    try:
        yield
    finally:
        _borrowed.remove(entry)


def refuse_if_training(parameters: Iterable[Tensor], *, but: Any = None) -> None:
    """Refuse parameters that a living run trains, or that are borrowed.

    Args:
        but: the activity of a run that may train them.

    Raises:
        UsageError: names the run and the ways on.
    """
    mine = _marks(parameters)
    for what, held in list(_borrowed):
        if mine & held:
            raise UsageError(
                f"{what} is working on this model right now.", suggestion="Wait until it is done."
            )
    for other in alive():
        theirs = _marks(other.objects.parameters) if other.activity is not but else set()
        if not mine & theirs:
            continue
        what = "this model" if mine <= theirs else "weights that this model shares with its own"
        raise UsageError(
            f"Run `{other.id}` ({other.status}) is training {what} right now.",
            suggestion="Wait for it (nbtrain.last_run().wait()), stop it (%train stop), or train a copy: "
            "copy.deepcopy(model).",
        )


def _marks(parameters: Iterable[Tensor]) -> set[Any]:
    """What tells parameters from others: themselves, and the memory they lie in (a tied weight's is one)."""
    marks: set[Any] = set()
    for parameter in parameters:
        marks.add(id(parameter))
        with suppress(RuntimeError, NotImplementedError):  # sparse, fake, sharded: no one place
            place = parameter.untyped_storage().data_ptr()
            marks |= {(str(parameter.device), place)} if place else set()
    return marks


def _see_to_the_end() -> None:
    """Have the interpreter call `at_exit` before it ends; once a process."""
    global _exit_is_seen_to
    if not _exit_is_seen_to:
        _exit_is_seen_to = True
        # The last registered is called first: before multiprocessing ends the workers of a person's loaders.
        atexit.register(at_exit)


def at_exit() -> None:
    """Wait for the living runs of a script; in a notebook end them and give them a few seconds to save.

    A thread that still trains while the interpreter is taken down aborts the process. Ctrl-C while a script
    waits stops the run at its next step.
    """
    in_notebook = viewing.viewer is not None
    for run in alive():
        if in_notebook:
            run.end("the kernel was shut down")
        else:
            with suppress(UsageError):  # it has ended meanwhile
                run.resume()  # nobody is left to resume a paused one
    for run in known():
        if not run.is_over:  # also one that has trained and still draws its picture
            with suppress(TimeoutError):
                run.wait(EXIT_SECONDS if in_notebook else None)
    terminate.put_back()


def _forget_old() -> None:
    """Keep the newest of the ended runs, and none alive for the sake of a model that only it still holds."""
    ended = [entry for entry in _runs if (known := entry()) is None or known.status.over]
    for entry in ended[: max(0, len(ended) - KEPT + 1)]:
        _runs.remove(entry)
    for place, entry in enumerate(_runs):
        known = entry()
        if known is not None and known.status.over and getattr(known.objects, "holds_model", False):
            _runs[place] = weakref.ref(known)


def _in_child() -> None:
    """Leave the runs to the parent, in a process forked from it; another thread may hold the lock."""
    global _lock
    _lock = threading.Lock()
    runs, _runs[:] = known(), []
    forked.leave_to_the_parent(runs)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


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
