"""What following a loop does beside it: never raised into the loop, and timed now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from nbtrain.running.state import State

STRIDE = 16  # steps; the time spent is taken in one of so many


class Aside:
    """Do what must not reach the loop when it fails, and know what it costs.

    Args:
        state: the counters. trouble: told in words what failed.
    """

    def __init__(self, state: State, trouble: Callable[[str], None]) -> None:
        self._state, self._trouble = state, trouble
        self._is_timed, self._spent_s = True, 0.0

    def do(self, action: Callable[..., Any], *details: Any) -> None:
        """Call `action`; what it raises is told, and the loop goes on."""
        began = time.perf_counter() if self._is_timed else 0.0
        try:
            action(*details)
        except Exception as error:
            self._trouble(
                f"following the loop failed in one part, the loop goes on ({type(error).__name__}: {error})"
            )
        if began:
            self._spent_s += time.perf_counter() - began

    def stepped(self) -> None:
        """A step was made."""
        self._is_timed = self._state.step % STRIDE == 0

    @property
    def spent_s(self) -> float | None:
        """Seconds that the loop has been held up by being followed; None while too few steps tell."""
        return self._spent_s * STRIDE if self._state.step >= 10 * STRIDE else None
