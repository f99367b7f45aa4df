"""input() and getpass() in a training thread: refused in words.

A front end asks only for the cell that runs.
A kernel puts its own functions in their place while a cell runs, and takes them back after it: both states
    are seen to, and the cell that starts the training, which may still run. Code of other cells asks as
    before.
"""

from __future__ import annotations

import builtins
import getpass
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nbtrain.errors import UsageError

CANNOT_ASK = "A loop in the background cannot ask for input: the notebook asks only for the cell that runs."
_PLACES = ((builtins, "input", "raw_input"), (getpass, "getpass", "getpass"))  # where, and the kernel's name
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


class _Guarded:
    """A function that asks, refused to the threads that cannot ask."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self.ask = ask

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        _refuse_here()
        return self.ask(*args, **keywords)


def _install(shell: Any) -> None:
    sys.stdin = _Deaf(sys.stdin)
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return
    for home, place, name in _PLACES:
        if (ask := getattr(kernel, name, None)) is not None:
            guarded = _Guarded(ask)
            setattr(kernel, name, guarded)  # cells that run from now on get this one
            if getattr(home, place) == ask:  # and the one that runs now
                setattr(home, place, guarded)


def _uninstall(shell: Any) -> None:
    if isinstance(sys.stdin, _Deaf):
        sys.stdin = sys.stdin.behind
    kernel = getattr(shell, "kernel", None)
    for home, place, name in _PLACES:
        if kernel is not None and name in vars(kernel):
            delattr(kernel, name)
        if isinstance(now := getattr(home, place), _Guarded):
            setattr(home, place, now.ask)
