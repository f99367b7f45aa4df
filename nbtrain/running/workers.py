"""Iterating a person's loader from a background thread of a notebook: its worker processes.

Three things differ from the main thread. Jupyter's Interrupt signals the whole process group, and would kill
the workers although the run goes on: they are started deaf to it. A worker that dies is noticed by torch in
the main thread only, within 5 s elsewhere: here it takes half a second. And torch would then raise its error
in whatever cell runs just now: these workers are kept from it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from torch.utils.data import DataLoader
from torch.utils.data._utils import signal_handling

from nbtrain.running.guards.death import worker_died
from nbtrain.running.sending import sendable, unwrap

_MASKS = hasattr(signal, "pthread_sigmask")
GONE_S = 1.0  # between a connection that breaks and the end of the process behind it
LOOK_S = 0.5  # between looks at the workers while a batch is waited for


class IgnoreInterrupt:
    """A worker_init_fn that ignores SIGINT, then does what the person's own one does. Picklable for spawn."""

    def __init__(self, inner: Callable[[int], Any] | None) -> None:
        self.inner = inner

    def __call__(self, worker: int) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if _MASKS:  # ignored from here on; what the worker itself starts shall not find it blocked
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        if self.inner is not None:
            self.inner(worker)


def iterate(loader: Iterable[Any]) -> Iterator[Any]:
    """Return `iter(loader)`, its workers deaf to the notebook's interrupt; the loader stays as it was.

    The iterator raises WorkerDied when one of its workers is gone.
    """
    with deaf_to_interrupts(loader), _no_cell_hears_of_deaths():
        items = iter(loader)
    unwrap(items)
    _look_after(items, loader)
    return items


@contextmanager
def deaf_to_interrupts(loader: Any) -> Iterator[None]:
    """Have workers that a DataLoader starts in the block ignore SIGINT from their first moment on.

    They get what the notebook defines, however they are started (see `nbtrain.running.sending`).

    Their worker_init_fn sees to it; until that is called, which takes seconds where torch is imported first,
    the signal is blocked: a process begins with the signal mask of the thread that starts it. (A fork
    server's mask is its own, and would be that of all its children: it is left alone.)
    """
    if not isinstance(loader, DataLoader) or not loader.num_workers:
        yield
        return
    inner = loader.worker_init_fn
    ours = isinstance(inner, IgnoreInterrupt)
    method = start_method(loader)
    masks = _MASKS and method != "forkserver"
    if method == "spawn":
        resource_tracker.ensure_running()  # its start unblocks the signal in the thread that needs it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT} if masks else ()) if _MASKS else None
    if not ours:
        loader.worker_init_fn = IgnoreInterrupt(inner)
    try:
        with sendable(loader, method):
            yield
    finally:
        loader.worker_init_fn = inner
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_method(loader: DataLoader) -> str:
    """Return how the loader's workers are started: fork, spawn or forkserver."""
    context = loader.multiprocessing_context or multiprocessing
    return context.get_start_method()


def _look_after(items: Any, loader: Any) -> None:
    """Notice a dead worker soon, and here."""
    if not hasattr(items, "_try_get_data") or not hasattr(items, "_workers"):
        return  # a loader whose `__iter__` is the person's own, or another torch: noticed later
    if threading.current_thread() is not threading.main_thread():
        items._worker_pids_set = False  # there is nothing to take back
    known = weakref.ref(items)  # a cycle would keep the workers alive until the next collection

    def ask(timeout: float = LOOK_S) -> Any:
        iterator = known()
        iterator.__dict__.get("_nbtrain_look", int)()  # may raise
        try:
            return type(iterator)._try_get_data(iterator, timeout)
        except (RuntimeError, OSError, EOFError) as error:
            # a worker that dies while its batch is fetched shows as a broken connection, before it is gone
            dead = _dead(iterator._workers, 0.0 if isinstance(error, RuntimeError) else GONE_S)
            if not dead:
                raise
            first = max(dead, key=lambda worker: worker.exitcode != 0)
            raise worker_died(first.pid, first.exitcode, iterator._num_workers) from error

    items._try_get_data = ask
    if not hasattr(items, "_nbtrain_loader"):  # a loader that keeps its workers gives the same one each epoch
        # Collected in a cycle, the queues that would tell the workers to end are gone before: torch would
        # wait 5 s for each, in whatever cell the collection happens.
        weakref.finalize(items, _kill, items._workers, os.getpid()).atexit = False
    items._nbtrain_loader = weakref.ref(loader)


def _kill(workers: Sequence[Any], parent: int) -> None:
    if os.getpid() == parent:  # a forked copy of this process has no workers
        for worker in workers:
            worker.kill()


def _dead(workers: Sequence[Any], seconds: float) -> list[Any]:
    """The workers that are gone; waits so long for a first one."""
    until = time.monotonic() + seconds
    while not (dead := [worker for worker in workers if not worker.is_alive()]):
        if time.monotonic() >= until:
            break
        time.sleep(0.01)
    return dead


def while_waiting(items: Any, look: Callable[[], Any]) -> None:
    """Have `look` called now and then while workers are waited for; what it raises ends the waiting."""
    if hasattr(items, "_nbtrain_loader"):
        items._nbtrain_look = look


def end_workers(items: Any) -> None:
    """End the workers of an iterator at once; its loader, if it keeps them, starts others next time."""
    # orderly, each would be waited for: the dead one may hold the lock of their queue
    _kill(getattr(items, "_workers", ()), os.getpid())
    loader = getattr(items, "_nbtrain_loader", lambda: None)()
    if loader is not None and getattr(loader, "_iterator", None) is items:
        loader._iterator = None


@contextmanager
def _no_cell_hears_of_deaths() -> Iterator[None]:
    """Keep the workers that start in the block from torch's SIGCHLD handler, which raises in the main thread.

    In the main thread itself all stays as it is.
    """
    if threading.current_thread() is threading.main_thread():
        yield
        return
    if signal_handling._set_worker_pids is _set_worker_pids:
        signal_handling._set_worker_pids = _announce  # for good: threads that come and go share it
    _here.silent = True
    try:
        yield
    finally:
        _here.silent = False


_here = threading.local()
_set_worker_pids = signal_handling._set_worker_pids


def _announce(key: int, pids: Any) -> None:
    if not getattr(_here, "silent", False):
        _set_worker_pids(key, pids)
