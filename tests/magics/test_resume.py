"""%train resume in a real kernel: restarted, told what was interrupted, gone on with, and told to end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import SETUP, KernelNotebook


@pytest.fixture
def own_kernel(tmp_path: Path) -> Iterator[KernelNotebook]:
    """A kernel that a test may kill."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60, cwd=str(tmp_path))
    notebook = KernelNotebook(client)
    notebook.kernel_manager = manager
    yield notebook
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def prepare(notebook: KernelNotebook) -> None:
    assert not notebook(f"{SETUP}\n%load_ext nbtrain\ntorch.set_num_threads(1)").error


def manifest(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("runs/*/manifest.json")
    return json.loads(path.read_text())


@pytest.mark.kernel
def test_a_restarted_kernel_offers_and_goes_on(own_kernel: KernelNotebook, tmp_path: Path) -> None:
    """Killed and started anew, the kernel says what was interrupted and goes on; SIGTERM then saves."""
    prepare(own_kernel)
    own_kernel("run = %train --epochs 1000000 --checkpoint-every 10 --seed 1 --yes --log json")
    own_kernel("import time\nwhile not run.checkpoints.latest() or run.progress.step < 25: time.sleep(0.05)")
    own_kernel.kernel_manager.restart_kernel(now=True)
    own_kernel.client.wait_for_ready(timeout=60)
    prepare(own_kernel)
    (run_id,) = (path.name for path in (tmp_path / "runs").iterdir())
    listed = own_kernel("%train runs")
    status = own_kernel("%train status")

    assert f"Run {run_id} was interrupted at step" in listed.printed
    assert f"%train resume {run_id} goes on from step" in listed.printed
    assert "Training Interrupted" in status.text and f"%train resume {run_id}" in status.text

    resumed = own_kernel("run = %train resume")
    assert not resumed.error
    assert "Resumed from" in resumed.text
    first = own_kernel("first = run.events[0]['step']\nprint(first, run.id, run.status.alive)")
    step, same, alive = first.printed.split()
    assert (int(step) >= 10, same, alive) == (True, run_id, "True")
    os.kill(own_kernel.kernel_manager.provisioner.pid, signal.SIGTERM)
    own_kernel.kernel_manager.provisioner.process.wait(60)

    found = manifest(tmp_path)
    assert found["status"] == "interrupted" and "SIGTERM" in found["stop_reason"]
    assert found["events"][0]["kind"] == "resumed"
    last = found["training_results"]["total_steps"]
    assert found["checkpoints"]["final_checkpoint"].endswith(f"step-{last:08d}")


def test_resume_goes_on_in_the_same_notebook(notebook: Any) -> None:
    """%train resume takes the newest run, its options and its objects by name; more can be asked of it."""
    names = notebook.shell.user_ns
    notebook("run = %train model --epochs 2 --accumulate 2 --val val_loader --yes --log json\nrun.wait();")
    notebook("other = nn.Linear(4, 2)\noptimizer_2 = torch.optim.SGD(other.parameters(), lr=0.1)")
    refused = notebook("%train resume")
    said = notebook("again = %train resume --epochs 4\nagain.wait();")
    again = names["again"]

    assert "has done its 2 of 2 epochs" in str(refused.error) + refused.err + refused.out
    assert (again.id, again.progress.step, again.progress.epoch) == (names["run"].id, 8, 4)
    assert again.plan.work.options.accumulate == 2 and again.plan.work.model is names["model"]
    assert said.error is None
    assert "Resumed from" in notebook("%train report").out + str(again.report().to_text())


def test_resume_as_an_option_of_train(notebook: Any) -> None:
    """%train --resume latest plans the newest run of this name; a run that is none is refused by name."""
    names = notebook.shell.user_ns
    notebook("run = %train --epochs 2 --yes --log json\nrun.wait();")
    planned = notebook("again = %train --resume latest --epochs 3 --log json")
    refused = notebook("%train --resume nothing --log json")

    assert planned.error is None and str(names["again"].status) == "planned"
    assert "Resumed from" in names["again"].plan.report().to_text()
    assert "No run is known as 'nothing'" in str(refused.error) + refused.err + refused.out
    names["again"].start().wait(60)
    assert (names["again"].id, names["again"].progress.step) == (names["run"].id, 12)


def test_a_paused_run_goes_on_without_a_checkpoint(notebook: Any) -> None:
    """%train resume with a paused run lets it go on, as ever."""
    names = notebook.shell.user_ns
    notebook("run = %train --epochs 1000000 --yes --log json\n%train pause")
    said = notebook("%train resume")

    assert f"{names['run'].id} goes on." in said.out
    assert names["run"].events == []
