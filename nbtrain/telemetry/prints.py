"""What a thread prints, heard on its way: it goes where it always went, and is kept for the run's log.

    prints = Prints()
    with captured(prints):  # in the thread that trains
        ...
    lines = prints.take()  # in the pump, a few times a second

`sys.stdout` and `sys.stderr` stay the objects they are. While somebody listens, their `write` is one that
also tells the listener of the writing thread; other threads have none. A stream that is held by a logging
handler made earlier is heard as well, which a stream put into `sys.stdout` would miss. Nothing is locked,
formatted or written to disk in a print.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from nbtrain.telemetry.print_lines import Prints

STREAMS = ("stdout", "stderr")

_here = threading.local()  # .prints: the listener of this thread
_lock = threading.Lock()  # of the three below; never taken in a print
_listening = 0
_open = True  # False: nothing is heard until the next block begins
_taps: list[_Tap] = []


@contextmanager
def captured(prints: Prints) -> Iterator[Prints]:
    """Have `prints` hear what this thread writes to sys.stdout and sys.stderr in the block.

    Threads, cells and processes beside this thread are not heard. Blocks may be nested and may run in several
    threads at once; when the last one ends the streams are as they were.
    """
    global _listening, _open
    outer = getattr(_here, "prints", None)
    with _lock:
        _listening, _open = _listening + 1, True
        _tap_current()
    _here.prints = prints
    try:
        yield prints
    finally:
        _here.prints = outer
        with _lock:
            _listening -= 1
            if not _listening:
                _untap()


def follow() -> None:
    """Listen also to a stream that took the place of sys.stdout or sys.stderr since. Cheap; for the pump."""
    with _lock:
        if _listening and _open:
            _tap_current()


def stop_listening() -> None:
    """Put the streams back at once; blocks that are still open hear nothing more. Twice does no harm."""
    global _open
    with _lock:
        _open = False
        _untap()


class _Tap:
    """A stream whose `write` also tells the listener of the writing thread.

    The stream gets a class of its own, in which `write` is a descriptor: IPython puts a `write` of its own on
    the stream for the time of a cell and then puts back what it had found, so that one laid on the stream
    within a cell would be gone with it. Streams written in C keep their class; there `follow` lays it anew.
    """

    def __init__(self, stream: Any, name: str) -> None:
        self.stream, self._class, self._name = _held(stream), type(stream), name
        self._bare = "write" not in vars(stream)
        self._strip(stream)  # what an earlier one had to leave below somebody else's
        if hasattr(self._class, "write"):
            with suppress(TypeError):
                _set_class(stream, _telling_class(self._class, name))
        self.lay()

    def lay(self) -> None:
        """Tell from now on, if it does not."""
        stream = self.stream()
        if not getattr(stream.write, "tells_nbtrain", False):
            vars(stream)["write"] = _telling(stream.write, self._name)

    def take_off(self) -> None:
        """Put back what was there. A wrapper that somebody else laid over ours stays; ours is mute."""
        stream = self.stream()
        if stream is None:
            return
        if isinstance(vars(type(stream)).get("write"), _Telling):
            _set_class(stream, self._class)
        self._strip(stream)

    def _strip(self, stream: Any) -> None:
        own = before = vars(stream).get("write")
        while getattr(before, "tells_nbtrain", False):
            before = before.hands_on_to
        if own is before:
            return
        if self._bare or before == self._class.write.__get__(stream):
            del vars(stream)["write"]
        else:
            vars(stream)["write"] = before


def _set_class(stream: Any, kind: type) -> None:
    object.__setattr__(stream, "__class__", kind)  # one that hands attributes on would change another's class


def _telling_class(kind: Any, name: str) -> type:
    return type(kind.__name__, (kind,), {"write": _Telling(kind, name), "__module__": kind.__module__})


class _Telling:
    """The attribute `write` of a stream that is listened to: whatever lies on the stream, made to tell."""

    def __init__(self, kind: type, name: str) -> None:
        self._kind: Any = kind
        self._name = name
        self._made: tuple[Any, Any] = (self, None)  # what lay on the stream, and what was made of it

    def __get__(self, stream: Any, owner: Any = None) -> Any:
        if stream is None:
            return self._kind.write
        own = stream.__dict__.get("write")
        made_of, telling = self._made
        if made_of is not own:
            telling = own or self._kind.write.__get__(stream)
            if not getattr(telling, "tells_nbtrain", False):
                telling = _telling(telling, self._name)
            self._made = own, telling
        return telling

    def __set__(self, stream: Any, write: Any) -> None:
        vars(stream)["write"] = write

    def __delete__(self, stream: Any) -> None:
        if vars(stream).pop("write", None) is None:
            raise AttributeError("write")


def _telling(write: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a `write` that hands on to `write` and tells the listener of its thread."""

    def write_and_tell(*args: Any, **keywords: Any) -> Any:
        prints = getattr(_here, "prints", None)
        if prints is None or not _open:
            return write(*args, **keywords)
        _here.prints = None  # a stream that hands on to another one is heard once
        try:
            return write(*args, **keywords)
        finally:
            _here.prints = prints
            if args and isinstance(args[0], str):
                prints.hear(name, args[0])

    write_and_tell.tells_nbtrain = True  # type: ignore[attr-defined]
    write_and_tell.hands_on_to = write  # type: ignore[attr-defined]
    return write_and_tell


def _tap_current() -> None:
    current = [(name, getattr(sys, name, None)) for name in STREAMS]
    for name, stream in (*current, *((name, held()) for name, held in _first)):
        # None in a windowed process; an object without attributes of its own is left alone
        if not hasattr(stream, "write") or not hasattr(stream, "__dict__"):
            continue
        with suppress(Exception):  # an odd stream is not listened to; it must not cost the training
            known = next((tap for tap in _taps if tap.stream() is stream), None)
            if known is None:
                _taps[:] = [tap for tap in _taps if tap.stream() is not None]
                _taps.append(_Tap(stream, name))
            else:
                known.lay()


def _untap() -> None:
    while _taps:
        _taps.pop().take_off()


def _held(stream: Any) -> Callable[[], Any]:
    """A way back to the stream that does not keep a cell's captured output in memory."""
    try:
        return weakref.ref(stream)
    except TypeError:
        return lambda: stream


def _in_forked_child() -> None:
    """A loader's worker begins as a copy of the training thread: nobody reads what is kept there."""
    global _lock
    _here.prints = None
    _lock = threading.Lock()  # another thread may have held it


# A cell that captures its output, and starts a training, gives them back when it ends.
_first = [(name, _held(getattr(sys, name, None))) for name in STREAMS]

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)
