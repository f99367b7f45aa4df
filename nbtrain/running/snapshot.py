"""A copy of a model that trains, taken when nobody works on it."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

from torch import nn

from nbtrain.errors import UsageError

LOOK_EVERY_S = 0.05


def take_snapshot(run: Any, errand: Callable[[Callable[[], Any]], Any], timeout: float) -> nn.Module:
    """Return a copy of a run's model in eval mode.

    Args:
        run: planned, living or over. errand: has the training thread call a function at its next boundary.
        timeout: seconds to wait for that boundary.

    Raises:
        TimeoutError: there was none. UsageError: the run is over and the model gone.
        Exception: what copying the model raised.
    """
    taken: list[Any] = []
    done = threading.Event()

    def copied() -> None:
        try:
            taken.append(copy.deepcopy(run.objects.model).eval())
        except Exception as error:  # handed over to the thread that asked
            taken.append(error)
        done.set()

    if run.status.alive:
        errand(copied)
        left = timeout
        while not done.wait(LOOK_EVERY_S) and run.status.alive:
            left -= LOOK_EVERY_S
            if left <= 0:
                raise TimeoutError(f"Run {run.id} came to no step boundary within {timeout:g} s.")
    if not taken:  # it is over, or has not begun: nobody else works on the model
        if run.objects.model is None:
            raise UsageError(
                f"The model of run {run.id} is no longer in memory.",
                suggestion="run.checkpoints.load(run.checkpoints.latest()) reads its last weights.",
            )
        copied()
    if isinstance(taken[0], Exception):
        raise taken[0]
    return taken[0]
