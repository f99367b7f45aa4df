"""Real kills: a process that saves without pause, ended with SIGKILL at random moments."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

from nbtrain.runs.checkpoint import CheckpointStore


def save_for_ever(root: Path, reports: int) -> None:
    store = CheckpointStore(root)
    step = max((info.step for info in store.all()), default=0)
    while True:
        step += 1
        store.save(step, {"w": torch.full((100_000,), float(step))}, {"step": step}, keep=1)
        os.write(reports, step.to_bytes(8, "little"))


def killed_once(root: Path, after_s: float) -> int:
    """Save in a fork, kill it, return the last step it reported as saved (0 for none)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            save_for_ever(root, writing)
        finally:
            os._exit(1)
    os.close(writing)
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    reported = 0
    while block := os.read(reading, 8):
        reported = int.from_bytes(block, "little")
    os.close(reading)
    return reported


def kill_often(root: Path, times: int) -> None:
    reported = 0
    for _ in range(times):
        reported = max(reported, killed_once(root, random.uniform(0.002, 0.12)))
        store = CheckpointStore(root)
        loaded = store.load_latest()
        if loaded is None:
            assert reported == 0
            continue
        assert loaded.info.step >= reported
        assert loaded.state["step"] == loaded.info.step
        assert bool((loaded.model_state["w"] == loaded.info.step).all())
        store.clean_leftovers()
        assert len(list(root.iterdir())) <= 5


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_killed_process_leaves_its_last_reported_checkpoint(tmp_path: Path) -> None:
    """Killed five times at random, the newest checkpoint loads and is no older than the last reported."""
    kill_often(tmp_path / "checkpoints", 5)


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_two_hundred_kills(tmp_path: Path) -> None:
    """As above, two hundred times."""
    kill_often(tmp_path / "checkpoints", 200)
