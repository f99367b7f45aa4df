"""A line in the cell that says how far a command is while it keeps the cell busy; gone when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from IPython import get_ipython
from IPython.display import display

from nbtrain.magics.surroundings import nobody_here

FIRST_AFTER_S, EVERY_S = 0.3, 0.2  # what is done sooner needs no line; five a second can be read


@contextmanager
def progress_line() -> Iterator[Callable[[str], Any] | None]:
    """Give a function that shows a text in this cell; None where nobody would see it."""
    if nobody_here(get_ipython()):
        yield None
        return
    handle: list[Any] = []
    due = [time.monotonic() + FIRST_AFTER_S]

    def show(text: str) -> None:
        if time.monotonic() < due[0]:
            return
        due[0] = time.monotonic() + EVERY_S
        if handle:
            handle[0].update({"text/plain": text}, raw=True)
        else:
            handle.append(display({"text/plain": text}, raw=True, display_id=True))

    try:
        yield show
    finally:
        for one in handle:
            one.update({"text/plain": ""}, raw=True)
