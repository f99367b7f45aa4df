"""Cells that draw from numpy's or python's global generator while the run's own thread reads data.

These generators belong to the whole process, and nothing can keep threads apart in them: it is told. Workers
have generators of their own; with them nothing of this can happen.
"""

from __future__ import annotations

from collections.abc import Callable

from nbtrain.findings import Severity
from nbtrain.running.guards.habits import Habits
from nbtrain.running.guards.positions import positions

FIRST = 4  # batches that show what the training itself draws between two of them: a model may do so


class GlobalDraws:
    """Look at the generators before and after each batch is read: 1 us a batch.

    Args:
        tell: see `nbtrain.running.guards.guards.Guards.tell`. seeded: each batch is read with generators that
            were seeded for it and are put back afterwards.
    """

    def __init__(self, tell: Callable[..., None], *, seeded: bool) -> None:
        self._tell, self._seeded = tell, seeded
        read = positions()
        self._names, self._reads = list(read), list(read.values())
        self._habits = Habits()
        self._used = [0] * len(read)  # batches in whose reading it moved; a cell's draws few
        self._before = self._after = [one() for one in self._reads]
        self._quiet = True  # nothing had moved at the look before
        self._batches = 0

    def before(self) -> None:
        """Called before a batch is read."""
        now = self._before = [read() for read in self._reads]
        if now == self._after and self._quiet:
            return
        moved = {at for at, place in enumerate(self._after) if now[at] != place} if self._batches else set()
        self._quiet = not moved
        for at in self._habits.news(moved):
            if self._batches >= FIRST and (self._seeded or 2 * self._used[at] > self._batches):
                self._say(self._names[at])

    def after(self) -> None:
        """Called when it was read."""
        self._batches += 1
        now = self._after = [read() for read in self._reads]
        if now != self._before:
            self._used = [n + (now[at] != self._before[at]) for at, n in enumerate(self._used)]

    def _say(self, name: str) -> None:
        if self._seeded:
            what = "numbers that it drew while a batch was read will come again, or got into the batch."
        else:
            what = "what the data set draws is no longer repeatable."
        own = "np.random.default_rng()" if name.startswith("numpy") else "random.Random()"
        self._tell(
            "cell-draws",
            f"A cell drew from the global generator of {name}, as reading the data does: {what}",
            evidence="the data is read in this process (num_workers=0)",
            recommended=f"draw from a generator of your own ({own}), or give the loader num_workers=1",
            severity=Severity.INFO, what=name,
        )  # fmt: skip
