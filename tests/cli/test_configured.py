"""Configurations in the terminal: trained with a line an epoch; the exit status says how it went."""

from __future__ import annotations

import contextlib
import io
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
from nbtrain.cli.main import main
from nbtrain.running import active

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


def here(*words: str) -> tuple[int, str]:
    """Return exit status and output of the terminal's front, in this process."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        status = main(list(words))
    return status, out.getvalue()


def test_train(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run in the terminal shows its plan, a line an epoch and its report, and ends with 0."""
    monkeypatch.chdir(place)
    monkeypatch.setattr(active, "_runs", [])  # what trains here is no run of the tests that follow
    status, text = here("start", "--config", "c.yaml", "--mode", "baseline", "--output-dir", "out")
    assert status == 0, text
    assert "Plan: baseline" in text and "Training Complete" in text
    assert [line.split("  ")[0] for line in text.splitlines() if line.startswith("epoch ")] == [
        "epoch 1", "epoch 2", "epoch 3",
    ]  # fmt: skip
    [run] = (place / "out").iterdir()
    assert {"config.yaml", "manifest.json", "baseline_results.md", "report.md"} <= {
        one.name for one in run.iterdir()
    }


def test_json_and_status(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--json prints one object; a configuration that is not valid ends with 1, wrong words with 2."""
    monkeypatch.chdir(place)
    monkeypatch.setattr(active, "_runs", [])  # what trains here is no run of the tests that follow
    status, text = here("start", "--config", "c.yaml", "--json")
    assert (status, json.loads(text)["status"]) == (0, "completed")
    Path("bad.yaml").write_text(CONFIG.replace("seed: 42", "sede: 42"))
    status, text = here("validate", "bad.yaml", "--json")
    assert (status, json.loads(text)["valid"]) == (1, False)
    status, text = here("start", "--config", "bad.yaml", "--json")
    assert (status, json.loads(text)["error"]) == (1, "InvalidConfig")
    assert (
        here("validate", "nowhere.yaml")[0] == here("start")[0] == here("start", "--mode", "baseline")[0] == 2
    )


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
