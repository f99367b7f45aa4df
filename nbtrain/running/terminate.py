"""SIGTERM while a run lives: it saves, ends as interrupted, and then the process ends as it would have.

A batch system, a container or a cloud machine sends it some seconds before the process is killed. The handler
that was there is called afterwards, and comes back into its place once no run lives. Knows of runs only that
they live and can be asked to end.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

GRACE_S = 25.0  # Slurm and Kubernetes kill 30 seconds after they asked; docker stop after 10, jupyter after 5
REASON = "the process was told to end (SIGTERM)"

_before: Any = None  # the handler that was there; None while ours is not
_owner = 0  # the process that installed it: a forked worker inherits the handler, and must not act on it
_living: Callable[[], Sequence[Any]] = tuple

# has the main thread call something soon; set where there is a way, as in a notebook's kernel
in_main_thread: Callable[[Callable[[], Any]], Any] | None = None


def watch(living: Callable[[], Sequence[Any]]) -> None:
    """Put the handler in, which only the main thread can; one who ignores the signal is left alone.

    Args:
        living: returns the runs that live; each has `end(reason)` and `is_over`.
    """
    global _before, _owner, _living
    if threading.current_thread() is not threading.main_thread():
        if in_main_thread is not None:
            in_main_thread(lambda: watch(living))
        return
    there = signal.getsignal(signal.SIGTERM)
    if there is _on_term or there in (None, signal.SIG_IGN):
        return
    _before, _owner, _living = there, os.getpid(), living
    signal.signal(signal.SIGTERM, _on_term)


def put_back() -> None:
    """Put the handler from before back once no run lives, where ours still stands; in the main thread."""
    global _before
    if threading.current_thread() is not threading.main_thread() or _before is None or _living():
        return
    if signal.getsignal(signal.SIGTERM) is _on_term:
        signal.signal(signal.SIGTERM, _before)
    _before = None


def _on_term(number: int, frame: Any) -> None:
    if os.getpid() == _owner:
        runs = list(_living())
        # asked from another thread: this one may hold a lock that asking needs
        asking = threading.Thread(target=lambda: [run.end(REASON) for run in runs], daemon=True)
        asking.start()
        until = time.monotonic() + GRACE_S
        while time.monotonic() < until and not all(run.is_over for run in runs):
            time.sleep(0.02)
    if callable(_before):
        _before(number, frame)
        return
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
