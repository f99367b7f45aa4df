"""What becomes of runs when the process that trains them ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import torch, nbtrain
from torch import nn
torch.set_num_threads(1)
model = nn.Linear(4, 2)
data = [(torch.randn(8, 4), torch.randint(0, 2, (8,)))] * 20
run = nbtrain.train(model, data, loss=nn.CrossEntropyLoss(), no_val=True, dir={folder!r}, {options})
{end}
print("last line", flush=True)
"""


def started(folder: Path, options: str, end: str = "") -> subprocess.Popen[str]:
    source = SCRIPT.format(folder=str(folder), options=options, end=end)
    return subprocess.Popen(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder.parent,
    )


def manifest(folder: Path) -> dict[str, object]:
    (path,) = folder.glob("*/manifest.json")
    return json.loads(path.read_text())


def test_a_script_waits_for_its_run(tmp_path: Path) -> None:
    """A script whose last line starts a run ends when the run has completed, with exit status 0."""
    script = started(tmp_path / "runs", "epochs=5")
    out, err = script.communicate(timeout=120)

    assert (script.returncode, out.strip()) == (0, "last line"), err
    found = manifest(tmp_path / "runs")
    assert (found["status"], found["training_results"]["total_steps"]) == ("completed", 100)


def test_a_script_that_looks_only_at_the_status_leaves_the_report(tmp_path: Path) -> None:
    """A script whose run is over but still reports ends, in peace, when that is done."""
    script = started(tmp_path / "runs", "epochs=2", end="while run.status.alive: pass")
    _, err = script.communicate(timeout=120)

    assert script.returncode == 0, err
    (folder,) = (tmp_path / "runs").iterdir()
    assert (folder / "report.md").exists() and list((folder / "figures").iterdir())


def test_an_interrupt_of_the_waiting_script_stops_the_run_whole(tmp_path: Path) -> None:
    """Ctrl-C while a script waits for its run: the run stops at a step boundary with its checkpoint saved."""
    script = started(tmp_path / "runs", "epochs=100000")
    assert script.stdout.readline().strip() == "last line"
    time.sleep(1.0)
    os.kill(script.pid, signal.SIGINT)
    script.communicate(timeout=60)

    found = manifest(tmp_path / "runs")
    assert found["status"] == "stopped"
    assert found["checkpoints"]["final_checkpoint"]


TERMINATED = """
import signal, sys, time
import torch, nbtrain
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.set_num_threads(1)
def mine(number, frame):
    print("mine", flush=True)
    sys.exit(7)
if {own}:
    signal.signal(signal.SIGTERM, mine)
data = TensorDataset(torch.randn(64, 4), torch.randint(0, 2, (64,)))
data = DataLoader(data, batch_size=8, num_workers={workers})
run = nbtrain.train(
    nn.Linear(4, 2), data, loss=nn.CrossEntropyLoss(), no_val=True, dir={folder!r}, epochs=10**6, log="json"
)
while run.progress.step < 20:
    time.sleep(0.01)
print("training", flush=True)
run.wait()
"""


@pytest.mark.parametrize(("own", "workers", "status"), [(False, 1, -signal.SIGTERM), (True, 0, 7)])
def test_sigterm_saves_and_ends_as_before(tmp_path: Path, own: bool, workers: int, status: int) -> None:
    """SIGTERM saves the step reached and ends the run as interrupted; then the person's handler decides."""
    source = TERMINATED.format(own=own, workers=workers, folder=str(tmp_path / "runs"))
    script = subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert script.stdout.readline().strip() == "training", script.stderr.read()
    script.terminate()
    out, err = script.communicate(timeout=60)

    assert (script.returncode, out.strip()) == (status, "mine" if own else ""), err
    found = manifest(tmp_path / "runs")
    assert found["status"] == "interrupted"
    assert "SIGTERM" in str(found["stop_reason"])
    saved = Path(found["checkpoints"]["final_checkpoint"]).name
    assert int(saved.removeprefix("step-")) == found["training_results"]["total_steps"] >= 20
