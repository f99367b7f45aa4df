"""manifest.json: every key, what a dead process means, and damage."""

from __future__ import annotations

import dataclasses
import errno
import json
import math
from pathlib import Path

import numpy as np
import pytest
from disk_model import POLICIES, ModelDisk, PowerFailure

from nbtrain.errors import RunFolderError
from nbtrain.runs.lock import LOCK_FILE
from nbtrain.runs.manifest import SECTIONS, Manifest
from nbtrain.runs.owner import this_process
from nbtrain.runs.status import RunStatus

FULL = Manifest(
    run_id="digits-20260101-000000-abcd",
    name="digits é",
    status=RunStatus.COMPLETED,
    stop_reason="all epochs done",
    base_model="Net",
    dataset={"name": "digits", "train_samples": 1437, "valid_samples": 360},
    hyperparameters={"lr": 1e-3, "betas": [0.9, 0.999]},
    training_results={"final_train_loss": 0.1, "best_epoch": 3},
    checkpoints={"best_checkpoint": "checkpoints/step-00000135"},
    metrics={"train_loss_curve": "logs/train_loss.csv"},
    cost={"gpu_hours": 0.5},
    environment={"python": "3.11"},
    events=({"at": "2026-01-01T00:00:00.000Z", "kind": "lr", "value": 1e-4},),
    tags=("a", "b"),
    seed=42,
    created_at="2026-01-01T00:00:00.000Z",
    completed_at="2026-01-01T00:10:00.000Z",
    extra={"from_the_future": [1]},
)


def test_every_key_comes_back(tmp_path: Path) -> None:
    """A manifest is read back equal, with the keys of every section and those this version does not know."""
    FULL.write(tmp_path)
    found = Manifest.read(tmp_path)

    assert found == FULL
    data = json.loads((tmp_path / "manifest.json").read_text())
    for section, keys in SECTIONS.items():
        assert set(keys) <= set(data[section])
    promised = {"run_id", "status", "base_model", "baseline_comparison", "resume_from", "tags", "events"}
    assert promised | {"created_at", "completed_at", *SECTIONS} <= set(data)


def test_odd_values_never_stop_a_manifest(tmp_path: Path) -> None:
    """NaN, numpy values, paths and objects are written as something JSON holds."""

    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    odd = {"nan": math.nan, "np": np.float32(2), "path": Path("a"), "object": Odd(), 3: {1, 2}, "t": (1,)}
    loop: list[object] = []
    loop.append(loop)
    Manifest(hyperparameters={**odd, "loop": loop, "text": "\ud800"}).write(tmp_path)
    found = Manifest.read(tmp_path).hyperparameters

    assert (found["nan"], found["np"], found["path"], found["3"], found["t"]) == (
        "NaN",
        2.0,
        "a",
        [1, 2],
        [1],
    )
    assert "RuntimeError" in found["object"]


def test_changes_are_laid_over_sections() -> None:
    """A change of a section keeps its other keys; a key that a manifest has not is refused."""
    changed = FULL.changed(status="failed", training_results={"total_steps": 9})

    assert (changed.status, changed.training_results["total_steps"]) == (RunStatus.FAILED, 9)
    assert changed.training_results["best_epoch"] == 3
    with pytest.raises(TypeError, match="statsu"):
        FULL.changed(statsu="x")


@pytest.mark.parametrize("status", ["running", "paused"])
def test_a_run_whose_process_is_gone_is_interrupted(tmp_path: Path, status: str) -> None:
    """Running or paused reads as interrupted when pid, start or boot do not fit a living process."""
    me = this_process()
    for owner, expected in [
        (me.to_dict(), status),
        (dataclasses.replace(me, pid=2**22 + 5).to_dict(), "interrupted"),
        (dataclasses.replace(me, started=1.0).to_dict(), "interrupted"),
        (dataclasses.replace(me, boot_id="before").to_dict(), "interrupted"),
        (dataclasses.replace(me, host="elsewhere").to_dict(), "interrupted"),
        (None, "interrupted"),
        ({"pid": "x"}, "interrupted"),
    ]:
        Manifest(status=RunStatus(status), owner=owner).write(tmp_path)
        assert Manifest.read(tmp_path).status == expected, owner
    (tmp_path / LOCK_FILE).write_text("{}")  # a fresh sign of life of the machine elsewhere
    Manifest(status=RunStatus(status), owner=dataclasses.replace(me, host="elsewhere").to_dict()).write(
        tmp_path
    )
    assert Manifest.read(tmp_path).status == status


@pytest.mark.parametrize("status", [s for s in RunStatus if not s.alive])
def test_a_finished_run_stays_what_it_is(tmp_path: Path, status: RunStatus) -> None:
    """A run that ended, or was only planned, is not interrupted by the death of its process."""
    Manifest(status=status).write(tmp_path)
    assert Manifest.read(tmp_path).status == status


def test_a_newer_schema_is_read_with_a_warning(tmp_path: Path) -> None:
    """What a later version added is kept, what is known is read, and the person is told."""
    data = {**FULL.to_dict(), "schema": "nbtrain.run/7", "moods": ["good"]}
    (tmp_path / "manifest.json").write_text(json.dumps(data))
    with pytest.warns(UserWarning, match=r"nbtrain\.run/7"):
        found = Manifest.read(tmp_path)
    assert found.name == FULL.name
    assert found.extra["moods"] == ["good"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "damaged"),
        ('{"run_id": "a"', "damaged"),
        ("[]", "list"),
        ('{"schema": "other/1"}', "other/1"),
        ('{"status": "dancing"}', "dancing"),
        ('{"dataset": 3}', "`dataset`"),
        ('{"events": "x"}', "`events`"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str, says: str) -> None:
    """What is no manifest is an error that says where and why; so is a folder without one."""
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RunFolderError, match=says):
        Manifest.read(tmp_path)
    with pytest.raises(RunFolderError, match="no run folder"):
        Manifest.read(tmp_path / "none")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_crash_while_writing_leaves_the_old_or_the_new(policy: str, tmp_path: Path) -> None:
    """A crash at any operation of a rewrite leaves a whole manifest: the new one once the write returned."""
    root, died = Path("/run"), 0
    for die_at in range(8):
        disk = ModelDisk(root)
        Manifest(name="old").write(root, disk)
        disk.log.clear()
        disk.die_at = die_at
        name = "old"
        try:
            Manifest(name="new").write(root, disk)
            name = "new"
        except PowerFailure:
            died += 1
        folder = tmp_path / str(die_at)
        disk.survivors(policy, folder)
        found = Manifest.read(folder).name
        assert found == name or (name == "old" and found == "new")
    assert died == 5


def test_a_full_disk_keeps_the_old_manifest(tmp_path: Path) -> None:
    """A write that fails at any operation is told and leaves the old manifest and no litter."""
    root = Path("/run")
    for at in range(5):
        disk = ModelDisk(root)
        Manifest(name="old").write(root, disk)
        disk.log.clear()
        disk.fail = (at, errno.ENOSPC)
        with pytest.raises(RunFolderError, match="disk is full"):
            Manifest(name="new").write(root, disk)
        assert disk.names(root) == ["manifest.json"]
        assert Manifest.read(root, disk).name in ("old", "new" if at == 4 else "old")
