"""Runs read back from their folders."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nbtrain.errors import RunFolderError, RunNotFound, UserError
from nbtrain.findings import Confidence, Finding, Severity
from nbtrain.runs.status import RunStatus
from nbtrain.runs.store import RunFolder
from nbtrain.runs.stored import StoredRun

ALERT = Finding(
    "loss-spike", Severity.WARNING, "Jumped.", confidence=Confidence.CERTAIN, step=3, details={"times": 2.5}
)

LIVE = """
import sys, pathlib
from nbtrain.runs.store import RunFolder
folder = RunFolder.create(sys.argv[1], "live")
folder.write_manifest(status="running")
folder.append_steps([{"step": 7, "train_loss": 0.5}])
print(folder.path, flush=True)
for line in sys.stdin:
    print(folder.take_stop_request(), flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A finished run of three steps and two epochs, resumed once."""
    run = RunFolder.create(tmp_path / "runs", "digits", {"seed": 1, "base_model": "Net"})
    run.write_manifest(status="running")
    run.append_steps([{"step": s, "train_loss": 3.0 - s, "lr": 0.1, "grad_norm": 1.0} for s in (1, 2, 3)])
    run.append_steps([{"step": s, "train_loss": 2.0 / s, "lr": 0.1, "samples_per_s": 9.0} for s in (3, 4)])
    run.write_epochs(
        [
            {"epoch": 1, "step": 2, "train_loss": 1.0, "val_loss": 0.7, "val_acc": 0.8},
            {"epoch": 2, "step": 4, "train_loss": 0.5, "val_loss": 0.9, "val_acc": math.nan},
        ]
    )
    run.append_alerts([ALERT])
    run.checkpoints.save(4, {"w": torch.ones(2)}, {}, metrics={"val_loss": 0.9})
    run.write_text("plan.md", "the plan")
    run.write_text("report.md", "the report")
    run.log("said")
    progress = {
        "step": 4,
        "total_steps": 4,
        "epoch": 2,
        "total_epochs": 2,
        "elapsed_s": 1.5,
        "phase": "training",
    }
    run.write_manifest(status="completed", stop_reason="all epochs done", progress=progress)
    run.close()
    return run


def test_everything_of_a_run_is_read_back(folder: RunFolder) -> None:
    """History, epochs, alerts, latest values, progress, plan, report, log and checkpoints come from disk."""
    run = StoredRun.load(folder.path.parent, "digits")

    assert (run.id, run.name, run.dir, run.status) == (folder.id, "digits", folder.path, "completed")
    assert run.status is RunStatus.COMPLETED
    assert list(run.history.index) == [1, 2, 3, 4]
    assert list(run.history["train_loss"]) == [2.0, 1.0, pytest.approx(2 / 3), 0.5]
    assert list(run.history.columns[:4]) == ["train_loss", "lr", "grad_norm", "samples_per_s"]
    assert list(run.epochs["val_loss"]) == [0.7, 0.9]
    assert run.alerts == [ALERT]
    assert (run.progress.step, run.progress.epoch, run.progress.phase) == (4, 2, "done")
    latest = run.latest
    assert (latest["best_val_loss"], latest["best_val_step"], latest["val_loss"]) == (0.7, 2.0, 0.9)
    assert latest["train_loss"] == 0.5
    assert 0.5 < latest["smooth_loss"] < 2.0
    assert (run.plan, run.report_path, run.stop_reason) == (
        "the plan",
        folder.path / "report.md",
        "all epochs done",
    )
    assert run.log.endswith("said\n")
    assert run.error is None
    assert run.best_checkpoint.step == 4
    assert torch.equal(run.checkpoints.load_latest().model_state["w"], torch.ones(2))
    assert "completed" in repr(run)


def test_a_run_that_has_written_nothing_yet_reads_as_empty(tmp_path: Path) -> None:
    """Before the first row everything is empty, with the columns a reader expects."""
    folder = RunFolder.create(tmp_path, "new")
    run = StoredRun(folder.path)

    assert list(run.history.columns) == ["train_loss", "lr", "grad_norm", "samples_per_s"]
    assert len(run.history) == len(run.epochs) == len(run.alerts) == 0
    assert "val_loss" in run.epochs
    assert (run.latest, run.plan, run.report_path, run.log) == ({}, None, None, "")
    assert run.checkpoints.all() == []
    assert run.progress.step == 0


def test_the_newest_phase_results_are_the_report(tmp_path: Path) -> None:
    """Without report.md the newest <phase>_results.md is the report."""
    folder = RunFolder.create(tmp_path, "new")
    for age, phase in enumerate(("optimization", "baseline")):
        path = folder.write_text(f"{phase}_results.md", phase)
        os.utime(path, (1e9 - age, 1e9 - age))
    assert StoredRun(folder.path).report_path.name == "optimization_results.md"


def test_reading_imports_neither_torch_nor_pandas(folder: RunFolder) -> None:
    """Status, alerts and latest values of a run cost no import of torch or pandas."""
    code = (
        "import sys; from nbtrain.runs.stored import StoredRun; run = StoredRun.load(*sys.argv[1:]);"
        "run.status, run.alerts, run.latest, run.progress;"
        "print('torch' in sys.modules, 'pandas' in sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", code, str(folder.path.parent), folder.id]
    assert subprocess.run(command, env=env, capture_output=True, text=True).stdout == "False False\n"


@pytest.mark.parametrize("control", ["pause", "resume", "save", "set_lr", "set_epochs"])
def test_what_needs_the_living_run_is_refused_in_words(folder: RunFolder, control: str) -> None:
    """Controls of a stored run say why not and what to do instead."""
    run = StoredRun(folder.path)
    with pytest.raises(UserError, match=r"read from disk \(completed\).*%train resume"):
        getattr(run, control)(*[5] * control.startswith("set"))
    with pytest.raises(UserError, match="nothing to stop"):
        run.stop()
    with pytest.raises(UserError, match="'step' and 'epoch'"):
        run.stop(after="lunch")
    assert not (folder.path / "STOP").exists()


def test_a_run_of_another_process_is_followed_stopped_and_interrupted(tmp_path: Path) -> None:
    """From here a run elsewhere reads as running and takes a stop; killed, it reads as interrupted."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", LIVE, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as other:
        path = Path(other.stdout.readline().strip())
        run = StoredRun(path)
        assert run.status == "running"
        assert run.progress.step == 7
        with pytest.raises(RunFolderError, match=f"process {other.pid}"):
            RunFolder.open(path)
        with pytest.raises(UserError, match="notebook that trains it"):
            run.pause()
        for word in ("epoch", "step"):
            run.stop(after=word)
            other.stdin.write("look\n")
            other.stdin.flush()
            assert other.stdout.readline() == f"{word}\n"
        other.kill()
        other.wait()
    assert run.status == "interrupted"
    assert "gone" in run.stop_reason
    RunFolder.open(path).close()


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    """An unknown run and a damaged manifest are told in words."""
    with pytest.raises(RunNotFound):
        StoredRun.load(tmp_path, "nothing")
    folder = RunFolder.create(tmp_path, "a")
    (folder.path / "manifest.json").write_text("{")
    with pytest.raises(RunFolderError, match="damaged"):
        StoredRun.load(tmp_path, folder.id)
