"""A way to train small set-ups to the end, and nothing left running."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nbtrain.notebook.namespace import find_setup
from nbtrain.running import active
from nbtrain.running.run import Run
from nbtrain.train.options import TrainOptions
from nbtrain.train.plan import make_plan
from nbtrain.train.training import Training

sys.path.insert(0, str(Path(__file__).parent))  # for `setups`, which the tests here share

CE = nn.CrossEntropyLoss()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Train with one torch thread: the models are tiny, and sums then have one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """End every run a test started and left, so that no test trains beside another."""
    yield
    for run in active.alive():
        run.stop()
        run.wait(60)


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., Run]:
    """Make a run that waits for its start, as `nbtrain.train` does but for the reports at its end."""

    def made(model: nn.Module, data: Any, *, loss: Any = CE, finishers: Any = (), **options: Any) -> Run:
        roles = {name: options.pop(name, None) for name in ("val", "optimizer", "scheduler")}
        if roles["val"] is None and not {"split", "no_val"} & set(options):
            options["no_val"] = True
        options = {"log": "json", "dir": tmp_path / "runs", **options}
        setup = find_setup({}, model=model, data=data, loss=loss, **roles)
        return Run(Training(make_plan(setup, TrainOptions.from_words(options))), finishers=finishers)

    return made


@pytest.fixture
def train(planned: Callable[..., Run]) -> Callable[..., Run]:
    """Train to the end with what is given; returns the run."""

    def trained(model: nn.Module, data: Any, *, wait: bool = True, **options: Any) -> Run:
        run = planned(model, data, **options).start()
        return run.wait(120) if wait else run

    return trained
