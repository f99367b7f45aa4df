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

pytestmark = pytest.mark.kernel


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
