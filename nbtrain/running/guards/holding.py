"""Hold a run at its next step boundary while something is done that it must not see half done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def held(control: Any, seconds: float) -> Iterator[bool]:
    """Hold the run whose mailbox this is; gives True once it stands, False if it came to no boundary in time.

    Args:
        control: see `nbtrain.running.control.Control`. seconds: longest wait.
    """
    stands, done = threading.Event(), threading.Event()

    def stand() -> None:
        if not done.is_set():
            stands.set()
            done.wait()

    control.errand(stand)
    try:
        yield stands.wait(seconds)
    finally:
        done.set()
