"""What becomes of runs when the process that trains them ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
import torch, nbtrain
from torch import nn
torch.set_num_threads(1)
model = nn.Linear(4, 2)
data = [(torch.randn(8, 4), torch.randint(0, 2, (8,)))] * 20
run = nbtrain.train(model, data, loss=nn.CrossEntropyLoss(), no_val=True, dir={folder!r}, {options})
print("last line", flush=True)
"""


def started(folder: Path, options: str) -> subprocess.Popen[str]:
    source = SCRIPT.format(folder=str(folder), options=options)
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
