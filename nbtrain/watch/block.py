"""`with nbtrain.watch(...) as run:` a loop in the foreground, followed.

An interrupt (the square button, Ctrl-C) ends the loop at its next step boundary and keeps everything; a
second one raises KeyboardInterrupt at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from nbtrain.running import viewing
from nbtrain.running.control import Stopped
from nbtrain.running.run import Run


class WatchedBlock:
    """Follow what the block does; its run is what `as` binds.

    Args:
        run: a planned run of a `Watching` without a body.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._shown: Callable[[], Any] | None = None
        self._heard = ExitStack()

    def __enter__(self) -> Run:
        self.run.start()
        watching = self.run.activity
        try:
            if viewing.foreground is not None:
                self._shown = viewing.foreground(self.run)
            self._interrupts = _Interrupts(self.run)
            self._heard.enter_context(self.run.hearing())
            watching.enter()
        except BaseException as error:
            self._end(error)
            raise
        return self.run

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        """End the run with the block. A stop ends here; an exception of the person's goes on."""
        try:
            self.run.activity.leave(completed=error is None)
        finally:
            self._interrupts.restore()
            self._heard.close()
            self._end(error)
        return isinstance(error, Stopped)

    def _end(self, error: BaseException | None) -> None:
        self.run.ended(error)
        self.run.wait()
        if self._shown is not None:
            self._shown()


class _Interrupts:
    """Turns the first interrupt into a stop, while the block runs in the main thread."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._before: Any = None
        self._asked = False
        if threading.current_thread() is threading.main_thread():
            with suppress(ValueError):  # an interpreter within another has no signals
                self._before = signal.signal(signal.SIGINT, self._interrupted)

    def _interrupted(self, number: int, frame: Any) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self._run.stop()

    def restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
