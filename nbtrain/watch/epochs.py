"""Where the epochs of a followed loop begin and end.

An epoch ends when the iterator of the loader that feeds the training is exhausted. Its row waits for the
validation that may follow, until the training begins its next pass. Where there is no such loader, or its
passes are broken off, the loops around the step tell (`nbtrain.watch.loops`). A loop that draws a batch
ahead, or steps once more on gradients that are left, finds the loader's end before its last step: such a
step belongs to the epoch that is over.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from nbtrain.running.state import State
from nbtrain.watch.draws import Draws
from nbtrain.watch.found import Found
from nbtrain.watch.loops import LoopEpochs
from nbtrain.watch.passes import Epoch, Passes
from nbtrain.watch.steps import Steps


class Epochs:
    """Count the epochs of a loop.

    Args:
        state: the counters. steps, passes: told what is over. found: takes the loaders. draws: the loader's
            batches.
    """

    def __init__(self, state: State, steps: Steps, passes: Passes, found: Found, draws: Draws) -> None:
        self._state, self._steps, self._passes = state, steps, passes
        self._found, self._draws, self._loops = found, draws, LoopEpochs()
        self._began, self._first_step = time.monotonic(), 0  # the step before its first
        self._look = True  # at the loops around the next step
        self._by_loops = False  # they have told where an epoch ends
        self.has_rest = False  # batches in hand, or gradients, may still be stepped on
        self.told_late = False  # the last step was the first of the next epoch
        self.ended: Epoch | None = None  # one that is over, whose validation may still come

    def before_backward(self) -> None:
        """A loader may have been found to feed the training."""
        self.has_rest = self.has_rest and self._draws.ahead > 0
        if not self._draws.backward():
            return
        if (loader := self._draws.loader) is not None:
            self._found.feeds(loader)
        self._look = True
        if self._state.epoch == 0 or self.ended is not None:
            self.settle()
            self._begin(self._state.step)

    def before_iterating(self) -> None:
        """A new pass over the loader that feeds the training is about to begin: an epoch may end with it."""
        state = self._state
        if self.ended is None and state.step > self._first_step and self._loops.moved_on():
            self._by_loops = True
            self._over(state.step)

    def exhausted(self, iterator: Any) -> None:
        """A loader has no more batches."""
        if self._draws.exhausted(iterator) and (self._state.step > self._first_step or self._draws.ahead):
            self._over(self._state.step)
            self.has_rest = True

    def stepped(self) -> None:
        """A step was made; called from within it."""
        state = self._state
        if self.has_rest and self.ended is not None:
            self.ended = dataclasses.replace(self.ended, last_step=state.step)
            self._steps.rest()
            self._steps.flush()
            return
        if not self._look and self._draws.is_fed:
            return
        self._look = False
        is_first = self._loops.moved_on()
        if is_first and state.step - 1 > self._first_step:
            if self.ended is None:
                self._by_loops = self.told_late = True
                self._over(state.step - 1)
            self.settle()
            self._begin(state.step - 1)
        elif self._loops.seen and state.epoch == 0:
            self._begin(0)

    @property
    def is_over(self) -> bool:
        """True where an epoch has ended and the next is about to begin, with a backward."""
        return self.ended is not None and (not self._draws.ahead or bool(self._draws.candidates))

    def settle(self) -> None:
        """The validation after an epoch, if there was one, is over."""
        if self.ended is not None:
            self._passes.trains_again()
            self._passes.ended(self.ended)
            self.ended, self.has_rest = None, False

    def finish(self, *, completed: bool) -> None:
        """The loop is over; if it came to its own end, so did an epoch that no loader's end has ended."""
        by_loops = self._loops.seen and (self._by_loops or not self._draws.was_fed)
        is_whole = completed and (by_loops or self._draws.gave_all())
        if is_whole and self.ended is None and self._state.step > self._first_step:
            self._over(self._state.step)
        self._passes.trains_again()
        self.settle()

    def _begin(self, step: int) -> None:
        self._state.epoch += 1
        self._first_step, self._began = step, time.monotonic()

    def _over(self, last_step: int) -> None:
        self.ended = Epoch(self._state.epoch, last_step, time.monotonic() - self._began)
        self._steps.rest()
        self._steps.flush()
