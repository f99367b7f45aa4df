"""What the training prints is kept in the run's log, whoever prints it and however the run ends."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from setups import loader, net
from torch import nn


def printed(run: Any) -> list[str]:
    """The printed lines of a run's log."""
    lines = Path(run.dir, "logs", "training.log").read_text().splitlines()
    return [line.split(" | ", 1)[1] for line in lines if line[20:22] == "| "]


def training() -> bool:
    return threading.current_thread() is not threading.main_thread()


def test_prints_of_model_loss_metric_and_data_are_kept(
    train: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Forward, loss, metric, data, a logger made before: all in the log, and where they always went."""
    logger, handler = logging.getLogger("my-metric"), logging.StreamHandler()
    logger.addHandler(handler)
    model = net()
    forward = model.forward

    def loud(x: Any) -> Any:
        if training() and model.training:
            print("forward")
        return forward(x)

    def loss(output: Any, target: Any) -> Any:
        if training():
            print("loss", file=sys.stderr)
        return nn.functional.cross_entropy(output, target)

    def metric(output: Any, target: Any) -> float:
        if training():
            logger.warning("metric")
        return 0.0

    model.forward = loud
    try:
        run = train(model, list(loader(32)), val=list(loader(16)), loss=loss, epochs=1, metrics={"m": metric})
    finally:
        logger.removeHandler(handler)

    assert run.status == "completed", run.error
    lines = printed(run)
    assert lines.count("forward") == 2 and "loss" in lines and "metric" in lines
    assert capsys.readouterr().out.count("forward\n") == 2


def test_the_last_prints_of_a_failed_run_are_kept(train: Any) -> None:
    """What was printed right before the exception is in the log, also without its newline."""

    def loss(output: Any, target: Any) -> Any:
        if training():
            print("the shape was", tuple(output.shape), end="")
            raise ValueError("no")
        return nn.functional.cross_entropy(output, target)

    before = vars(sys.stdout).get("write")  # a tracker that ran earlier may have put one there
    run = train(net(), list(loader(16)), loss=loss, epochs=1)

    assert run.status == "failed"
    assert printed(run) == ["the shape was (16, 3)"]
    assert vars(sys.stdout).get("write") is before


def test_the_log_says_how_a_run_began_and_ended(train: Any) -> None:
    """The log opens with what lies ahead, and ends with how it ended, with the traceback of a failure."""

    def loss(output: Any, target: Any) -> Any:
        if training():
            raise ValueError("my own mistake")
        return nn.functional.cross_entropy(output, target)

    fine = train(net(), list(loader(32)), epochs=2).dir / "logs" / "training.log"
    failed = train(net(), list(loader(16)), loss=loss, epochs=1).dir / "logs" / "training.log"

    first, *_, last = fine.read_text().splitlines()
    assert f"training starts: 2 epochs, 4 steps, process {os.getpid()}" in first
    assert "completed at step 4 after" in last
    text = failed.read_text()
    assert "failed at step 0 after" in text and "ValueError: my own mistake" in text.splitlines()[-1]
    assert 'raise ValueError("my own mistake")' in text


def test_two_runs_keep_their_own_prints(train: Any) -> None:
    """Of two trainings at a time each log has its own prints."""
    gate = threading.Barrier(2, timeout=60)

    def telling(word: str) -> Any:
        def loss(output: Any, target: Any) -> Any:
            if training():
                gate.wait()
                print(word)
            return nn.functional.cross_entropy(output, target)

        return loss

    runs = [
        train(net(), list(loader(64)), loss=telling(word), epochs=1, name=word, wait=False)
        for word in ("one", "two")
    ]
    for run in runs:
        run.wait(60)

    assert [printed(run) for run in runs] == [["one"] * 4, ["two"] * 4]


def test_a_flood_of_prints_does_not_fill_the_disk(train: Any) -> None:
    """A print in each step of a fast run ends in a short log that says how many lines it left out."""

    def loss(output: Any, target: Any) -> Any:
        if training():
            for i in range(100):
                print("step", i)
        return nn.functional.cross_entropy(output, target)

    torch.manual_seed(0)
    run = train(net(), list(loader(16)), loss=loss, epochs=100)
    lines = printed(run)
    left_out = [int(line.split()[1].replace(",", "")) for line in lines if "left out here" in line]

    assert len(lines) < 5000
    assert sum(left_out) + len(lines) - len(left_out) == pytest.approx(10_000, abs=len(left_out))
