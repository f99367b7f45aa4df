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
        self._read = positions()
        self._habits = Habits()
        self._used = dict.fromkeys(self._read, 0)  # batches in whose reading it moved; a cell's draws few
        self._after: dict[str, tuple[int, int]] = {}
        self._batches = 0

    def before(self) -> None:
        """Called before a batch is read."""
        now = {name: read() for name, read in self._read.items()}
        moved = {name for name, place in self._after.items() if now[name] != place}
        news = self._habits.news(moved)
        self._before = now
        if self._batches < FIRST:
            return
        for name in news:
            if self._seeded or 2 * self._used[name] > self._batches:
                self._say(str(name))

    def after(self) -> None:
        """Called when it was read."""
        self._batches += 1
        self._after = {name: read() for name, read in self._read.items()}
        for name, place in self._after.items():
            self._used[name] += place != self._before[name]

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
