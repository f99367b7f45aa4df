"""Configurations in the terminal: validated, trained with a line an epoch, and the exit status says how it went."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import nbtrain

ROOT = Path(nbtrain.__file__).parents[1]
CONFIG = """\
model: {architecture: mlp, hidden_size: 8}
data: {train: d.npz, split: auto}
optimizer: {learning_rate: 1e-2}
training: {epochs: 3, batch_size: 16, device: cpu}
reproducibility: {seed: 42}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a configuration and its data."""
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    np.savez(tmp_path / "d.npz", x=x, y=(x.sum(1) > 0).astype("int64"))
    (tmp_path / "c.yaml").write_text(CONFIG)
    return tmp_path


def nb(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, "-m", "nbtrain", *words], env=env, cwd=place, capture_output=True, text=True)


def test_train(place: Path) -> None:
    """A run in the terminal shows its plan, a line an epoch and its report, and ends with 0."""
    done = nb(place, "start", "--config", "c.yaml", "--mode", "baseline", "--output-dir", "out")
    assert done.returncode == 0, done.stderr
    assert "Plan: baseline" in done.stdout and "Training Complete" in done.stdout
    assert [line.split("  ")[0] for line in done.stdout.splitlines() if line.startswith("epoch ")] == [
        "epoch 1", "epoch 2", "epoch 3",
    ]  # fmt: skip
    [run] = (place / "out").iterdir()
    assert {"config.yaml", "manifest.json", "baseline_results.md", "report.md"} <= {one.name for one in run.iterdir()}


def test_json_and_status(place: Path) -> None:
    """--json prints one object; a configuration that is not valid ends with 1, wrong words with 2."""
    done = nb(place, "start", "--config", "c.yaml", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["status"] == "completed"
    (place / "bad.yaml").write_text(CONFIG.replace("seed: 42", "sede: 42"))
    done = nb(place, "validate", "bad.yaml", "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["valid"] is False
    done = nb(place, "start", "--config", "bad.yaml", "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["error"] == "InvalidConfig"
    assert nb(place, "validate", "nowhere.yaml").returncode == 2
    assert nb(place, "start").returncode == 2
    assert not (place / "bad").exists()


def test_ctrl_c(place: Path) -> None:
    """Ctrl-C stops the run at its next step, keeps what was learned, and ends with 130."""
    (place / "c.yaml").write_text(CONFIG.replace("epochs: 3", "epochs: 100000"))
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "nbtrain", "start", "--config", "c.yaml"]
    with subprocess.Popen(words, env=env, cwd=place, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 1 "):
                break
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "Training Stopped" in rest
    [run] = (place / "runs").iterdir()
    assert json.loads((run / "manifest.json").read_text())["status"] == "stopped"
    assert list((run / "checkpoints").iterdir())
