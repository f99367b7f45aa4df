"""Checkpoints of a followed loop, written beside it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from nbtrain.running.run import Run
from nbtrain.runs.files import Files
from nbtrain.watch.options import WatchOptions
from nbtrain.watch.watching import Watching

POINTS, TARGETS = torch.randn(64, 4), torch.randint(0, 3, (64,))


def test_a_loop_goes_on_while_its_checkpoint_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that waits for the next steps gets them, holds its step's weights, and the end waits for it."""
    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    taken, weights, waited = [0], {}, []

    def body() -> None:
        for step in range(1, 10):
            optimizer.zero_grad()
            F.cross_entropy(model(POINTS), TARGETS).backward()
            optimizer.step()
            taken[0] = step
            weights[step] = model.weight.detach().clone()

    original = Files.fsync

    def fsync(self: Files, handle: Any) -> None:
        if threading.current_thread().name == "nbtrain-checkpoints" and not waited:
            until = time.monotonic() + 60
            while taken[0] < 5 and time.monotonic() < until:
                time.sleep(0.002)
            waited.append(taken[0])
        original(self, handle)

    monkeypatch.setattr(Files, "fsync", fsync)
    options = WatchOptions.from_words({"log": "json", "dir": tmp_path, "save_every": 3, "keep": 9})
    names = {"model": model, "optimizer": optimizer}
    run = Run(Watching(options, names, body=body)).start().wait(60)

    assert str(run.status) == "completed", run.error
    assert waited[0] >= 5
    assert {info.step for info in run.checkpoints.all()} == {3, 6, 9}
    for info in run.checkpoints.all():
        assert torch.equal(run.checkpoints.load(info)[0]["weight"], weights[info.step])
