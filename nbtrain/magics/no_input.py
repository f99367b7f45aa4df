"""input() and getpass() in a training thread: refused in words.

A front end asks only for the cell that runs.
A kernel puts its own functions in their place while a cell runs, and takes them back after it: both states
    are seen to. Code of other cells asks as before.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nbtrain.errors import UsageError

CANNOT_ASK = "A loop in the background cannot ask for input: the notebook asks only for the cell that runs."
_ASKING = ("read", "readline", "readlines", "__next__", "__iter__")  # forked workers close it, and may
_threads: set[int] = set()  # idents of those in which nobody can be asked
_lock = threading.Lock()


@contextmanager
def refused(shell: Any) -> Iterator[None]:
    """Refuse input in this thread for the length of the block."""
    me = threading.get_ident()
    with _lock:
        if not _threads:
            _install(shell)
        _threads.add(me)
    try:
        yield
    finally:
        with _lock:
            _threads.discard(me)
            if not _threads:
                _uninstall(shell)


def _refuse_here() -> None:
    if threading.get_ident() in _threads:
        raise UsageError(CANNOT_ASK, suggestion="Ask in a cell before it, and use the answer here.")


class _Deaf:
    """A standard input that refuses the threads that cannot ask, and is the one behind it for all others."""

    def __init__(self, behind: Any) -> None:
        self.behind = behind

    def __getattr__(self, name: str) -> Any:
        if name in _ASKING:
            _refuse_here()
        return getattr(self.behind, name)

    def __iter__(self) -> Any:
        _refuse_here()
        return iter(self.behind)


def _guarded(ask: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(*args: Any, **keywords: Any) -> Any:
        _refuse_here()
        return ask(*args, **keywords)

    return guarded


def _install(shell: Any) -> None:
    sys.stdin = _Deaf(sys.stdin)
    kernel = getattr(shell, "kernel", None)
    for name in ("raw_input", "getpass"):
        if kernel is not None and hasattr(kernel, name):
            setattr(kernel, name, _guarded(getattr(kernel, name)))  # cells that run from now on get this one


def _uninstall(shell: Any) -> None:
    if isinstance(sys.stdin, _Deaf):
        sys.stdin = sys.stdin.behind
    kernel = getattr(shell, "kernel", None)
    for name in ("raw_input", "getpass"):
        if kernel is not None and name in vars(kernel):
            delattr(kernel, name)
