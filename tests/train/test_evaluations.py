"""Evaluations within an epoch: on disk, and read back the same as in the run that made them."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from setups import loader, net

from nbtrain.diagnose.completion import completion_report, summarize
from nbtrain.errors import UsageError
from nbtrain.running.keeper import Keeper
from nbtrain.running.record import News
from nbtrain.runs.stored import StoredRun
from nbtrain.runs.tracker import Tracker


@pytest.fixture
def run(train: Any) -> Any:
    """Train three epochs of seven steps, validated every third step; the rate makes it worse in the end."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    return train(model, loader(), val=loader(40, batch_size=20), optimizer=optimizer, epochs=3, val_every=3)


def test_every_evaluation_is_on_disk(run: Any) -> None:
    """metrics.jsonl has a record of each, val_loss.csv a row by step, metrics.json epochs alone."""
    logs = run.dir / "logs"
    rows = [json.loads(line) for line in (logs / "metrics.jsonl").read_text().splitlines()]
    judged = [row for row in rows if row.get("kind") == "evaluation"]
    curve = list(csv.DictReader((logs / "val_loss.csv").read_text().splitlines()))

    assert [row["step"] for row in judged] == [3, 6, 7, 9, 12, 14, 15, 18, 21]
    assert [row["epoch"] for row in judged] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert all({"val_loss", "val_acc"} <= row.keys() and "best_val_loss" not in row for row in judged)
    assert [(int(row["step"]), float(row["val_loss"])) for row in curve] == [
        (row["step"], row["val_loss"]) for row in judged
    ]
    assert [row["step"] for row in rows if "kind" not in row] == list(range(1, 22))
    assert len(json.loads((logs / "metrics.json").read_text())["epochs"]) == 3
    order = [row["step"] + ("kind" in row) / 2 for row in rows]
    assert order == sorted(order), "an evaluation stands behind its step"


def test_a_run_read_back_says_the_same(run: Any) -> None:
    """Evaluations, best step, newest values, summary and curves are those of the live run."""
    stored = StoredRun(run.dir)

    pd.testing.assert_frame_equal(stored.evaluations, run.evaluations, check_column_type=False)
    pd.testing.assert_frame_equal(stored.history, run.history, check_column_type=False)
    best = run.evaluations.val_loss.idxmin()
    assert stored.latest["best_val_step"] == run.latest["best_val_step"] == best
    assert stored.latest["best_val_loss"] == run.latest["best_val_loss"]
    assert stored.best_checkpoint.step == best
    assert summarize(stored).best_val_acc == summarize(run).best_val_acc
    charts = [_figure(one).axes for one in (run, stored)]
    assert charts[0] == charts[1]
    [valid] = [line for line in charts[0][0].series if line.name == "valid"]
    assert valid.x == tuple(run.evaluations.index) and np.allclose(valid.y, run.evaluations.val_loss)


def _figure(run: Any) -> Any:
    curves = next(section for section in completion_report(run).sections if section.title == "Curves")
    return curves.blocks[0]


def test_without_evaluations_within_epochs_nothing_is_added(train: Any) -> None:
    """A run that validates at its epochs' ends has them in metrics.json, and steps alone in metrics.jsonl."""
    run = train(net(), loader(), val=loader(40), epochs=2)
    stored = StoredRun(run.dir)

    assert "kind" not in (run.dir / "logs" / "metrics.jsonl").read_text()
    assert list(stored.evaluations.index) == list(run.evaluations.index) == [7, 14]
    assert list(train(net(), loader(), epochs=1).evaluations.index) == []


class Noted(Tracker):
    """A tracker that notes what it is given."""

    id = "noted"

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def open(self, info: Any) -> None:
        pass

    def log_steps(self, rows: Any) -> None:
        self.seen += [row["step"] for row in rows]

    def log_evaluation(self, row: Any) -> None:
        self.seen.append(("evaluation", row["step"]))

    def log_epoch(self, row: Any) -> None:
        self.seen.append(("epoch", row["step"]))

    def finish(self, status: Any) -> None:
        self.seen.append("end")


def test_an_evaluation_waits_for_its_steps() -> None:
    """Steps may be drained later than the evaluation they led to: it is written behind them all the same."""
    noted = Noted()
    troubles: list[str] = []
    keeper = Keeper(None, [noted], troubles.append, within_epochs=True)

    def steps(*numbers: int) -> Any:
        return {"step": np.array(numbers), "train_loss": np.ones(len(numbers))}

    keeper.write(News(steps=steps(1, 2), evaluations=[{"step": 4, "val_loss": 1.0}]))
    keeper.write(News(steps=steps(3, 4, 5, 6), evaluations=[{"step": 6, "val_loss": 1.0}]))
    keeper.write(News(steps=steps(7), evaluations=[{"step": 8, "val_loss": 1.0}]))
    keeper.finish("stopped")

    assert troubles == []
    assert noted.seen == [1, 2, 3, 4, ("evaluation", 4), 5, 6, ("evaluation", 6), 7, ("evaluation", 8), "end"]


def share(output: Any, target: Any) -> Any:
    return (output.argmax(1) == target).float().mean()


def test_a_metric_called_acc_takes_the_place_of_accuracy(train: Any, planned: Any) -> None:
    """The person's `acc` is val_acc, no second accuracy is measured beside it, and the plan says so."""

    def percent(output: Any, target: Any) -> Any:
        return 100 * share(output, target)

    run = train(net(), loader(), val=loader(40), epochs=2, metrics={"acc": percent})
    plan = planned(net(), loader(), val=loader(40), metrics={"acc": percent}).plan.report().to_text(200)

    assert "train_acc" not in run.epochs and run.epochs.val_acc.max() > 1.5
    assert "acc (val_acc), no other accuracy: your `acc` takes its place" in plan
    assert StoredRun(run.dir).epochs.val_acc.tolist() == run.epochs.val_acc.tolist()
    assert summarize(StoredRun(run.dir)).best_val_acc == summarize(run).best_val_acc <= 1


@pytest.mark.parametrize("name", ["accuracy", "top5_acc", "f1"])
def test_a_metric_stands_beside_accuracy(train: Any, name: str) -> None:
    """Any other name has a column of its own; values over 1.5 are read back as they were written."""
    run = train(net(), loader(), val=loader(40), epochs=2, metrics={name: lambda output, target: 93.0})
    stored = StoredRun(run.dir)

    assert stored.epochs[f"val_{name}"].tolist() == [93.0, 93.0] == run.epochs[f"val_{name}"].tolist()
    assert stored.epochs.val_acc.tolist() == run.epochs.val_acc.tolist()
    assert 0 <= run.epochs.train_acc.max() <= 1


@pytest.mark.parametrize("name", ["loss", "time_s"])
def test_a_metric_cannot_replace_the_loss(planned: Any, name: str) -> None:
    """The loss decides which checkpoint is best: a metric of its name is refused, with what to do."""
    with pytest.raises(UsageError, match=f"cannot be called `{name}`.*metrics={{'my_{name}'"):
        planned(net(), loader(), val=loader(40), metrics={name: share})
