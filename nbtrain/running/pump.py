"""The pump: one small thread that carries numbers from the training thread to memory, disk, alerts and views.

It runs at most four times a second, touches no device, and nothing that fails in it - a disk, a tracker, a
chart - ever reaches the training.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

INTERVAL_S = 0.25


class Pump:
    """Call `beat` every quarter of a second in a thread of its own, and `end` once when asked to finish.

    Args:
        beat: one round. end: the last round, which is called whatever the rounds before raised.
        on_error: told of what a round raised; the pump goes on.
        name: of the thread.
    """

    def __init__(
        self,
        beat: Callable[[], Any],
        end: Callable[[], Any],
        on_error: Callable[[BaseException], Any],
        *,
        name: str,
    ) -> None:
        self._beat, self._last, self._on_error = beat, end, on_error
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self) -> None:
        """Ask for the last round; returns at once."""
        self._end.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the last round to be over."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._end.wait(INTERVAL_S):
            self._round(self._beat)
        self._round(self._last)

    def _round(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except BaseException as error:  # also SystemExit of a person's watcher: somebody may wait for the end
            self._on_error(error)
