"""A thread that writes while the training goes on: one piece of work at a time, and what came of it.

Knows neither checkpoints nor disks. The training hands over what nobody changes any more, and asks for the
outcome at a boundary of its own; nothing is raised into it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What came of a piece of work.

    Attributes:
        value: what it returned, None where it failed. error: what it raised.
        wall_s: how long it took. processor_s: how long it had a processor, which the training had not.
    """

    value: Any = None
    error: BaseException | None = None
    wall_s: float = 0.0
    processor_s: float = 0.0


class Writer:
    """Do one piece of work at a time, in a thread of its own. Used by one thread, the training's.

    Args:
        name: of its threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._outcome: Outcome | None = None

    @property
    def busy(self) -> bool:
        """True while a piece of work is being done."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, work: Callable[[], Any]) -> None:
        """Have `work` done. The one before must have been asked for with `outcome`.

        Where no thread is to be had it is done here and now.
        """
        if self._thread is not None:
            raise RuntimeError("the outcome of the work before was not taken")
        thread = threading.Thread(target=self._do, args=(work,), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._do(work)
        else:
            self._thread = thread

    def do_here(self, work: Callable[[], Any]) -> Outcome:
        """Do `work` in this thread and return what came of it."""
        self._do(work)
        return self.outcome()

    def outcome(self) -> Outcome | None:
        """Wait until nothing is being done; return what came of the last work, once, None afterwards."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        outcome, self._outcome = self._outcome, None
        return outcome

    def _do(self, work: Callable[[], Any]) -> None:
        began, processor = time.perf_counter(), time.thread_time()
        value, error = None, None
        try:
            value = work()
        except BaseException as raised:  # told by whoever takes the outcome
            error = raised
        took, used = time.perf_counter() - began, time.thread_time() - processor
        self._outcome = Outcome(value, error, took, used)
