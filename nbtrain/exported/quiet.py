"""Keeps the exporters' own talk out of the cell: warnings, log lines, graphs printed on stderr."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

_OF = ("torch", "onnxscript", "onnx_ir", "onnxruntime")


@contextlib.contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Swallow what this thread would show; give the list into which warnings go."""
    mine = threading.get_ident()

    def others(record: logging.LogRecord) -> bool:
        return record.thread != mine

    handlers = _handlers()
    before = sys.stderr
    noisy = logging.getLogger()
    if not noisy.handlers:  # else logging.warning() would add one that stays
        noisy.addHandler(silent := logging.NullHandler())
    else:
        silent = None
    for one in handlers:
        one.addFilter(others)
    sys.stderr = _OthersOnly(before, mine)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
    finally:
        sys.stderr = before
        for one in handlers:
            one.removeFilter(others)
        if silent is not None:
            noisy.removeHandler(silent)


def _handlers() -> list[logging.Handler]:
    """Return what shows the exporters' log lines: torch has a handler at each of its loggers."""
    known = [(name, one) for name, one in logging.root.manager.loggerDict.items() if name.startswith(_OF)]
    loggers = [logging.getLogger(), *(one for _, one in known if isinstance(one, logging.Logger))]
    return [handler for one in loggers for handler in one.handlers]


class _OthersOnly:
    """A stream that lets other threads write and drops what one thread writes."""

    def __init__(self, stream: Any, dropped: int) -> None:
        self._stream, self._dropped = stream, dropped

    def write(self, text: str) -> int:
        """Write, unless it is the dropped thread."""
        return len(text) if threading.get_ident() == self._dropped else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
