"""Waiting for a run inside its cell: batch executions, and Colab, where nothing else would be shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from nbtrain.magics.display import mark_shown, picture, show_still, show_value
from nbtrain.magics.place import Place
from nbtrain.running.keeper import epoch_line

POLL_S = 0.1
PICTURE_S = 3.0  # a picture costs about 0.2 s of the kernel's time: one in three seconds


def wait_with_lines(run: Any) -> None:
    """Block until the run is over, printing a line per epoch; then leave picture and report.

    An interrupt stops the run at its next step boundary and goes on waiting; a second one raises.
    """
    print(f"Training {run.id}; the cell waits until it is over.")
    lines = _EpochLines(run)
    _until_over(run, lines.print_new)
    lines.print_new()
    if run.error:
        print(
            f"Run {run.id} failed: {run.stop_reason}\n"
            "The notebook goes on. To make it fail, call run.result() on the run that %train returns."
        )
    show_still(run)


def wait_with_pictures(run: Any) -> None:
    """Block until the run is over, with its picture refreshed from the main thread; then leave picture and
    report.

    An interrupt stops the run at its next step boundary and goes on waiting; a second one raises.
    """
    mark_shown(run)
    picture_place = _PicturePlace(run)
    _until_over(run, picture_place.refresh)
    picture_place.leave()
    show_value(run.report(curves=False))


def _until_over(run: Any, look: Callable[[], None]) -> None:
    """Look until the run and what it leaves are done; at an interrupt stop the run, at a second one raise."""
    try:
        _follow(run, look)
    except KeyboardInterrupt:
        print("Interrupted: stopping at the next step. Once more to leave at once.")
        run.stop()
        _follow(run, look)


def _follow(run: Any, look: Callable[[], None]) -> None:
    while not _done(run):
        look()
        time.sleep(POLL_S)


def _done(run: Any) -> bool:
    """Say whether nothing more is to come. `run.wait()` without a time takes an interrupt for itself."""
    try:
        run.wait(0)
    except TimeoutError:
        return False
    return True


class _EpochLines:
    """Prints the epochs of a run, each once."""

    def __init__(self, run: Any) -> None:
        self._run, self._said = run, 0

    def print_new(self) -> None:
        rows = self._run.epochs.to_dict("records")
        for row in rows[self._said :]:
            print(epoch_line({name: value for name, value in row.items() if value == value}))
            self._said += 1


class _PicturePlace:
    """A run's picture in this cell, drawn anew at most every PICTURE_S."""

    def __init__(self, run: Any) -> None:
        self._run = run
        said = "the cell waits until it is over. Interrupting it stops the run at its next step."
        self._place = Place({"text/plain": f"Training {run.id}; {said}"})
        self._drawn = time.monotonic()

    def refresh(self) -> None:
        if time.monotonic() - self._drawn > PICTURE_S and self._run.progress.step:
            self.leave()
            self._drawn = time.monotonic()

    def leave(self) -> None:
        self._place.fill(*picture(self._run))
