"""Reports and pictures of a run that trains: its tables grow while they are read."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbtrain.diagnose.best import find_best
from nbtrain.diagnose.completion import completion_report, run_poster, summarize
from nbtrain.diagnose.still import still
from nbtrain.running.record import Arrived, Record
from nbtrain.runs.status import Progress, RunStatus
from nbtrain.telemetry.recorder import Rows


class Growing:
    """A run whose tables have more rows at every reading: the pump comes between any two."""

    status, name, id, dir = RunStatus.RUNNING, "digits", "digits-20250101-120000-0a1b", None
    error, stop_reason, manifest, alerts = None, "", None, ()
    progress = Progress(90, 900, 2, 20, 45, "training", 4.2, None, 5120.0, 21.0)

    def __init__(self) -> None:
        self.latest: dict[str, float] = {}
        self._count = 6

    def _grown(self) -> np.ndarray:
        self._count += 1
        return np.arange(1, self._count + 1)

    @property
    def epochs(self) -> pd.DataFrame:
        at = self._grown()
        return pd.DataFrame({
            "epoch": at, "step": 45 * at, "train_loss": 2 / at, "val_loss": 2.2 / at,
            "train_acc": 1 - 0.5 / at, "val_acc": 1 - 0.6 / at, "val_f1": 1 - 0.7 / at,
        })  # fmt: skip

    @property
    def evaluations(self) -> pd.DataFrame:
        at = self._grown()
        return pd.DataFrame({"epoch": at, "val_loss": 2.2 / at}, index=pd.Index(45 * at, name="step"))

    @property
    def history(self) -> pd.DataFrame:
        at = np.arange(1, 45 * self._grown()[-1] + 1)
        columns = {"train_loss": 2 / at, "lr": 1e-3 + 0 * at, "grad_norm": 1 / at, "samples_per_s": 5e3 + at}
        return pd.DataFrame(columns, index=pd.Index(at, name="step"))


@pytest.mark.parametrize("read", [completion_report, run_poster, summarize, find_best])
def test_a_run_whose_tables_grow_with_every_reading_gives_report_and_picture(read: Any) -> None:
    """Whatever is made of a run that trains is made of one look at its tables."""
    assert read(Growing()) is not None


def test_a_picture_shows_one_moment() -> None:
    """Curves, table and verdict of a run that trains have the same last epoch."""
    poster = run_poster(Growing())
    loss = next(axes for axes in poster.figure.axes if axes.title == "Loss")
    f1 = next(axes for axes in poster.figure.axes if axes.title == "f1")

    epochs = len(f1.series[0].x)
    assert max(f1.series[0].x) == 45 * epochs and loss.series
    assert ("epochs", f"{epochs} of 20") in poster.facts


def test_a_still_stays_and_passes_on_what_is_no_table() -> None:
    """A still is taken once, keeps what it has seen, and knows what the run knows beside."""
    run = Growing()
    run.extra = 7
    taken = still(run)

    assert still(taken) is taken
    assert len(taken.epochs) == len(taken.epochs) and taken.extra == 7
    with pytest.raises(AttributeError):
        _ = taken.unknown


def _rows(first: int, count: int) -> Rows:
    steps, ones = np.arange(first, first + count), np.ones(count)
    return Rows(steps, ones, ones, ones, ones, ones, skipped=np.zeros(count, bool))


def test_the_numbers_of_a_run_are_of_one_moment() -> None:
    """While the pump takes rows over, nobody sees an epoch without the steps it is made of."""
    record, over = Record(), threading.Event()

    def pump() -> None:
        for epoch in range(1, 400):
            record.note_evaluation(10 * epoch, epoch, {"val_loss": 1.0}, (1.0, 10))
            record.note_epoch({"epoch": epoch, "step": 10 * epoch, "train_loss": 1.0})
            record.absorb(Arrived(_rows(10 * epoch - 9, 10)))
        over.set()

    thread = threading.Thread(target=pump)
    thread.start()
    seen = []
    while not over.is_set() or not seen:
        numbers = record.numbers()
        seen.append((len(numbers.history), 10 * len(numbers.epochs), 10 * len(numbers.evaluations)))
    thread.join()
    assert all(len(set(lengths)) == 1 for lengths in seen)
