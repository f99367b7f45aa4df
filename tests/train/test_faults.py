"""Faults of disk and clock while a run trains, and what is left of it afterwards."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import torch
from resume_cases import net, parts, seed
from setups import loader
from torch import nn

import nbtrain
from nbtrain.runs import checkpoint_folder, manifest
from nbtrain.runs.checkpoint import CheckpointStore
from nbtrain.runs.listing import list_runs


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    disk = tmp_path / "small"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True
    ).returncode:
        pytest.skip("may not mount here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)  # lazily: a file that is still open does not keep it


def at_steps(actions: dict[int, Callable[[], Any]]) -> Callable[..., torch.Tensor]:
    """A loss that does something in the training thread as the n-th step begins."""
    seen = {"steps": 0}

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() and threading.current_thread() is not threading.main_thread():
            seen["steps"] += 1
            actions.get(seen["steps"], lambda: None)()
        return nn.functional.cross_entropy(output, target)

    return loss


def until_written() -> None:
    """Wait for the thread that writes checkpoints beside the training."""
    for thread in threading.enumerate():
        if thread.name == "nbtrain-checkpoints":
            thread.join(60)


def test_a_disk_that_fills_up_costs_checkpoints_and_nothing_else(train: Any, small_disk: Path) -> None:
    """A full disk is an alert with needed and free bytes; training goes on and saves again once it can."""
    filler, kept = small_disk / "filler", []

    def fill() -> None:
        until_written()
        kept.extend(CheckpointStore(next((small_disk / "runs").iterdir()) / "checkpoints").all())
        with filler.open("wb") as handle, pytest.raises(OSError, match="No space left"):
            while True:
                os.write(handle.fileno(), bytes(4096))

    def empty() -> None:
        until_written()
        filler.unlink()

    model = nn.Sequential(nn.Linear(8, 4000), nn.ReLU(), nn.Linear(4000, 3))
    loss = at_steps({6: fill, 10: empty})
    run = train(model, loader(), loss=loss, epochs=2, checkpoint_every=2, keep=0, dir=small_disk / "runs",
                optimizer=torch.optim.SGD(model.parameters(), lr=0.1))  # fmt: skip
    told = [alert.issue for alert in run.alerts if "checkpoint of step" in alert.issue]

    assert (str(run.status), run.progress.step) == ("completed", 14)
    assert {text.split(" could")[0] for text in told} == {
        "The checkpoint of step 6",
        "The checkpoint of step 8",
    }
    assert all("needed" in text and "free" in text and "Training goes on" in text for text in told), told
    assert [info.step for info in kept][:1] == [4]
    assert run.checkpoints.load_latest().info.step == 14
    assert not list(run.dir.rglob(".tmp-*"))


def test_a_clock_that_jumps_changes_nothing_that_counts(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that goes back a day at each look, durations are sane and the last save is the newest."""
    looks = iter(range(10**6))

    def back() -> str:
        return (datetime.now(timezone.utc) - timedelta(days=next(looks))).isoformat()

    monkeypatch.setattr(time, "time", lambda: 1.8e9 - 86_400.0 * next(looks))
    monkeypatch.setattr(checkpoint_folder, "utc_now", back)
    monkeypatch.setattr(manifest, "utc_now", back)
    model = net()
    _, data, options = parts({})
    run = train(model, data, val=options["val"], epochs=3, checkpoint_every=4)

    assert str(run.status) == "completed"
    assert 0 < run.progress.elapsed_s < 60
    assert (run.epochs["epoch_time_s"] > 0).all()
    newest, *others = run.checkpoints.all()
    assert newest.step == 18 and newest.saved_at < min(info.saved_at for info in others)
    assert run.checkpoints.load_latest().info.step == 18


def in_a_process_of_its_own(folder: Path) -> int:
    """Fork a process that begins or goes on with a run in `folder`, to its end; return its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            model, data, options = parts({"seed": 1})
            there = any(CheckpointStore(path / "checkpoints").latest() for path, _ in list_runs(folder))
            seed({})
            run = nbtrain.train(
                model, data, **{**options, "epochs": 150, "checkpoint_every": 7}, dir=folder, name="case",
                resume=True if there else None,
            ).wait()  # fmt: skip
            torch.save(model.state_dict(), folder.parent / f"{folder.name}.pt")
            os._exit(0 if str(run.status) == "completed" else 3)
        finally:
            os._exit(1)
    return pid


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_run_that_is_killed_again_and_again_ends_at_the_same_weights(tmp_path: Path) -> None:
    """Killed at random moments and resumed each time, a run ends at the weights of one that was not."""
    os.waitpid(in_a_process_of_its_own(tmp_path / "whole"), 0)
    kills, status = 0, None
    while status != 0:
        pid = in_a_process_of_its_own(tmp_path / "killed")
        until = time.monotonic() + random.uniform(0.3, 1.5)
        ended = 0
        while not ended and (time.monotonic() < until or kills >= 25):
            ended, status = os.waitpid(pid, os.WNOHANG)
            time.sleep(0.01)
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            kills, status = kills + 1, None
    whole, killed = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("whole", "killed"))

    assert kills >= 3
    assert all(torch.equal(whole[key], killed[key]) for key in whole)
