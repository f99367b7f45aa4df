"""The last exception of a notebook, and when its cell failed: Python keeps one, a front notes the other."""

from __future__ import annotations

import sys
import time

_failed_at = 0.0  # time.monotonic() when a cell failed last


def note() -> None:
    """Note that a cell has failed just now; called by the front."""
    global _failed_at
    _failed_at = time.monotonic()


def when() -> float:
    """Return when a cell failed last, as time.monotonic() says it; 0 where none did."""
    return _failed_at


def last_exception() -> BaseException | None:
    """Return the exception being handled, else the last that nobody handled; None where there is none."""
    handled = sys.exc_info()[1]
    if handled is not None:
        return handled
    for name in ("last_exc", "last_value"):
        held = getattr(sys, name, None)
        if isinstance(held, BaseException):
            return held
    return None
