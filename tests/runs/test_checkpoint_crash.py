"""Crashes and failing disks at every operation of a save."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from disk_model import POLICIES, ModelDisk, PowerFailure

from nbtrain.errors import RunFolderError
from nbtrain.runs.checkpoint import CheckpointStore

ROOT = Path("/run/checkpoints")


def model_state(step: int) -> dict[str, torch.Tensor]:
    return {"weight": torch.full((50, 50), float(step)), "bias": torch.arange(7.0) + step}


def save(store: CheckpointStore, step: int, val_loss: float, keep: int = 0) -> None:
    metrics = {"val_loss": val_loss}
    store.save(step, model_state(step), {"step": step, "lr": 0.1}, metrics=metrics, epoch=step, keep=keep)


def filled_disk(**trouble: object) -> ModelDisk:
    """A disk on which four checkpoints were saved a while ago: the next save also removes one."""
    disk = ModelDisk(ROOT.parent)
    store = CheckpointStore(ROOT, disk)
    for step, val_loss in ((10, 0.5), (20, 0.1), (30, 0.4), (35, 0.45)):
        save(store, step, val_loss)
    disk.settle()
    disk.log.clear()
    for name, value in trouble.items():
        setattr(disk, name, value)
    return disk


def operations_of_two_saves() -> int:
    disk = filled_disk()
    store = CheckpointStore(ROOT, disk)
    save(store, 40, 0.3)
    save(store, 50, 0.2)
    return len(disk.log)


def crashed_disks() -> Iterator[tuple[int, ModelDisk, int]]:
    """Yield (operation, disk, last step reported as saved) for a crash before each operation of two saves."""
    for die_at in range(operations_of_two_saves() + 1):
        disk = filled_disk(die_at=die_at)
        store = CheckpointStore(ROOT, disk)
        reported = 35
        try:
            save(store, 40, 0.3)
            reported = 40
            save(store, 50, 0.2)
            reported = 50
        except PowerFailure:
            pass
        yield die_at, disk, reported


@pytest.mark.parametrize("policy", POLICIES)
def test_a_crash_at_any_operation_leaves_the_last_reported_checkpoint(policy: str, tmp_path: Path) -> None:
    """Whatever the crash drops, the newest checkpoint is exact and no older than the last one reported."""
    crashes = 0
    for die_at, disk, reported in crashed_disks():
        crashes += disk.dead
        folder = tmp_path / str(die_at)
        disk.survivors(policy, folder)
        store = CheckpointStore(folder / "checkpoints")
        store.clean_leftovers()
        loaded = store.load_latest()

        assert loaded is not None, die_at
        assert loaded.info.step >= reported, die_at
        assert torch.equal(loaded.model_state["weight"], model_state(loaded.info.step)["weight"])
        assert loaded.state["step"] == loaded.info.step
        assert store.damaged() == [], die_at
        best = store.load_best()
        assert best is not None
        assert best.info.step == 20, die_at
        assert all(name.startswith("step-") for name in store._fs.names(store.root))
    assert crashes == operations_of_two_saves() > 30


@pytest.mark.parametrize("policy", POLICIES)
def test_saving_goes_on_after_a_crash_at_any_operation(policy: str, tmp_path: Path) -> None:
    """The store found after a crash takes the next checkpoint, which is then the newest."""
    for die_at, disk, _ in crashed_disks():
        folder = tmp_path / str(die_at)
        disk.survivors(policy, folder)
        store = CheckpointStore(folder / "checkpoints")
        store.clean_leftovers()
        save(store, 60, 0.6)

        assert store.all()[0].step == 60
        assert store.load(store.all()[0])[1]["step"] == 60
        assert 20 in [info.step for info in store.all()]


def test_the_very_first_save_is_durable_or_absent(tmp_path: Path) -> None:
    """A crash in a run's first save leaves nothing to load or the whole checkpoint, never an error."""
    outcomes = set()
    for die_at in range(40):
        disk = ModelDisk(ROOT.parent, die_at=die_at)
        try:
            save(CheckpointStore(ROOT, disk), 1, 1.0)
            reported = True
        except PowerFailure:
            reported = False
        for policy in POLICIES:
            folder = tmp_path / f"{die_at}-{policy}"
            disk.survivors(policy, folder)
            loaded = CheckpointStore(folder / "checkpoints").load_latest()
            assert loaded is not None or not reported
            outcomes.add(loaded is not None)
    assert outcomes == {True, False}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_any_operation_keeps_what_was_saved(number: int, tmp_path: Path) -> None:
    """A save that fails says so, leaves the older checkpoints and no litter, and the next save works."""
    refused = 0
    for at in range(operations_of_two_saves() // 2):
        disk = filled_disk(fail=(at, number))
        store = CheckpointStore(ROOT, disk)
        try:
            save(store, 40, 0.3)
        except RunFolderError as error:
            refused += 1
            assert "step 40" in str(error)
            assert error.details["errno"] == number
            if number == errno.ENOSPC:
                assert error.details["needed_bytes"] >= 50 * 50 * 4
                assert "full" in str(error)
            assert [info.step for info in store.all()] == [35, 30, 20], disk.log[at]
        assert not [name for name in disk.names(ROOT) if name.startswith(".tmp")], disk.log[at]
        disk.fail = None
        save(store, 50, 0.2)
        assert store.load_latest().info.step == 50
        assert store.load_best().info.step == 20
    assert refused > 10


def test_old_checkpoints_that_cannot_be_removed_are_remarked_not_raised() -> None:
    """When only the clearing up fails the save is reported as done, with a remark."""
    disk = filled_disk()
    store = CheckpointStore(ROOT, disk)
    save(store, 40, 0.3)
    renames = [index for index, what in enumerate(disk.log) if what.startswith("rename step-")]
    disk = filled_disk(fail=(renames[0], errno.EACCES))
    info = CheckpointStore(ROOT, disk).save(40, model_state(40), {}, metrics={"val_loss": 0.3}, keep=0)

    assert info.step == 40
    assert len(info.remarks) == 1
    assert "step-00000030" in info.remarks[0]


def test_the_model_of_the_disk_can_lose_data(tmp_path: Path) -> None:
    """A writer that does not fsync loses its file under every dropping policy: the model is no straw man."""
    disk = ModelDisk(ROOT.parent)
    disk.mkdir(ROOT)
    handle = disk.create(ROOT / "a")
    disk.write(handle, b"data")
    disk.close(handle)
    disk.rename(ROOT / "a", ROOT / "b")
    found = {}
    for policy in POLICIES:
        disk.survivors(policy, tmp_path / policy)
        path = tmp_path / policy / "checkpoints" / "b"
        found[policy] = path.read_bytes() if path.exists() else None

    assert found == {
        "kept": b"data",
        "dropped": None,
        "empty": b"",
        "torn": b"da",
        "late-names": None,
        "unlinked": None,
    }
