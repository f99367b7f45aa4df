"""A thread that waits beside a training holds no team of OpenMP threads."""

from __future__ import annotations

import subprocess
import sys

import pytest

PREPARED = """
import os, time, torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "nbtrain")
torch.set_num_threads(3)
def threads():
    # once none comes or goes any more: a thread that was told to end does so soon
    seen = []
    while len(seen) < 4 or len(set(seen[-4:])) > 1:
        time.sleep(0.1)
        seen.append(len(os.listdir("/proc/self/task")))
    return seen[-1]
alone = threads()
def work():
    return torch.exp(torch.ones(512, 512)).sum().item()
value = work()
assert threads() == alone + 2, "a large operation makes a team of three"
"""
IN_A_CELL = """
from nbtrain.running import openmp
shell.run_cell("work()")
assert threads() == alone, (threads(), alone)
assert torch.get_num_threads() == 3
assert work() == value and threads() == alone + 2
openmp.let_go()
openmp.let_go()
assert threads() == alone
"""
AT_THE_START = """
import nbtrain
inputs, targets = torch.randn(64, 4), torch.randint(0, 2, (64,))
loader = DataLoader(TensorDataset(inputs, targets), batch_size=8)
model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
run = nbtrain.train(model, loader, optimizer=optimizer, loss=nn.CrossEntropyLoss(), 
    log="json", epochs=2, no_val=True, dir=folder)
run.wait()
assert str(run.status) == "completed", run.error
ended = threads()
openmp.let_go()
assert threads() == ended, "there was a team still"
work()
assert threads() == ended + 2
"""


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP is what torch uses on Linux")
def test_a_waiting_thread_holds_no_team(tmp_path: object) -> None:
    """After a cell, and once a run has started, the waiting thread has no team; settings and values stay."""
    code = f"folder = {str(tmp_path)!r}\n{PREPARED}{IN_A_CELL}{AT_THE_START}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
