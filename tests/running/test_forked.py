"""A process forked while a run lives: it ends by itself, and writes nothing into the run's folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import multiprocessing, os, sys, time, torch, nbtrain, nbtrain.errors
from torch import nn
torch.set_num_threads(1)
model = nn.Linear(4, 2)
data = [(torch.randn(8, 4), torch.randint(0, 2, (8,)))] * 20
run = nbtrain.train(model, data, loss=nn.CrossEntropyLoss(), no_val=True, dir={folder!r}, epochs=10**6)
while run.progress.step < 20:
    time.sleep(0.01)

def child():
    said = []
    for action in (run.save, run.stop, lambda: run.set_lr(0.1), lambda: run.folder.log("from the child"),
                   lambda: run.folder.write_manifest(status="failed"), run.wait):
        try:
            action()
        except nbtrain.errors.NbtrainError as error:
            said.append(type(error).__name__)
    print("child", run.status, run.dir.name == run.id, len(said), flush=True)
    model(torch.randn(3, 4))

pid = os.fork()
if pid == 0:
    child()
    sys.exit(7)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join()
codes.append(process.exitcode)
step = run.progress.step
while run.progress.step < step + 20:
    time.sleep(0.01)
print("parent", *codes, run.status, flush=True)
run.stop()
run.wait()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_ends_and_leaves_the_run_alone(tmp_path: Path) -> None:
    """A child that asks everything of the run, and ends as processes do, neither hangs nor touches it."""
    source = SCRIPT.format(folder=str(tmp_path / "runs"))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", source], capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    *children, parent = done.stdout.splitlines()[-3:]
    assert len(children) == 2
    for child in children:
        assert child.startswith("child interrupted True") and int(child.split()[-1]) >= 3, done.stderr
    assert parent == "parent 7 0 running"
    (manifest,) = (tmp_path / "runs").glob("*/manifest.json")
    assert json.loads(manifest.read_text())["status"] == "stopped"
    assert "from the child" not in (manifest.parent / "logs/training.log").read_text()
