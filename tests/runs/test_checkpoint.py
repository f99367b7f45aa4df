"""Checkpoints: what is kept, what is verified, what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from nbtrain.errors import CheckpointCorrupted, RunFolderError, UntrustedCheckpoint, UserError
from nbtrain.runs.checkpoint import CheckpointStore
from nbtrain.runs.checkpoint_folder import _self_hash
from nbtrain.runs.files import Files
from nbtrain.runs.rng import capture_rng, restore_rng

FILES = ("model.pt", "state.pt", "manifest.json")


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints")


def save(store: CheckpointStore, step: int, val_loss: float | None = None, **more: object) -> object:
    metrics = {} if val_loss is None else {"val_loss": val_loss}
    state = {"model": {"w": torch.full((40,), float(step))}, "state": {"step": step}}
    return store.save(step, state["model"], state["state"], metrics=metrics, **more)


def steps(store: CheckpointStore) -> list[int]:
    return [info.step for info in store.all()]


def test_a_checkpoint_comes_back_as_it_was_saved(store: CheckpointStore) -> None:
    """Model, optimizer, scheduler, generators and numpy values survive; anyone can load the model file."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters())
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4])
    model(torch.randn(8, 3)).sum().backward()
    optimizer.step()
    scheduler.step()
    state = {
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "rng": capture_rng(),
        "best": np.float32(0.5),
        "order": np.arange(3),
        "path": Path("data"),
        "nan": float("nan"),
    }
    info = store.save(7, model.state_dict(), state, epoch=2, metrics={"val_loss": np.float64(0.25)})
    model_state, loaded = store.load(info)
    plain = torch.load(info.model_path, weights_only=True)

    assert (info.step, info.epoch, info.metrics, info.is_best) == (7, 2, {"val_loss": 0.25}, True)
    assert info.path.name == "step-00000007"
    for name, tensor in model.state_dict().items():
        assert torch.equal(model_state[name], tensor)
        assert torch.equal(plain[name], tensor)
    assert nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).load_state_dict(plain)
    fresh = torch.optim.AdamW(model.parameters())
    fresh.load_state_dict(loaded["optimizer"])
    assert torch.equal(
        fresh.state_dict()["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"]
    )
    assert loaded["scheduler"]["milestones"] == {2: 1, 4: 1}
    assert (loaded["best"], loaded["order"], loaded["path"]) == (0.5, [0, 1, 2], "data")
    assert np.isnan(loaded["nan"])
    restore_rng(loaded["rng"])
    drawn = (random.random(), float(np.random.rand()), float(torch.rand(())))
    restore_rng(state["rng"])
    assert drawn == (random.random(), float(np.random.rand()), float(torch.rand(())))


def test_state_that_is_no_plain_data_is_refused_by_name(store: CheckpointStore) -> None:
    """An object in the state is refused when saving, with its place, and nothing is written."""
    with pytest.raises(UserError, match=r"state\['callbacks'\]\[1\] is <object object"):
        store.save(1, {}, {"callbacks": [1, object()]})
    assert not store.root.exists()


def test_kept_are_best_last_backup_and_periodic(store: CheckpointStore) -> None:
    """After ten saves the best, the last, the one before and `keep` more are left, and nothing else."""
    for step in range(1, 11):
        save(store, step, abs(step - 3) + 1.0, keep=2)

    assert steps(store) == [10, 9, 8, 7, 3]
    assert [info.step for info in store.all() if info.is_best] == [3]
    assert sorted(path.name for path in store.root.iterdir()) == [
        f"step-{step:08d}" for step in (3, 7, 8, 9, 10)
    ]


def test_without_a_finite_metric_nothing_is_best(store: CheckpointStore) -> None:
    """A checkpoint without the metric, or with NaN, is never called the best; the rest is kept as usual."""
    save(store, 1)
    save(store, 2, float("nan"))

    assert store.best() is None
    assert steps(store) == [2, 1]
    save(store, 3, float("inf"))
    save(store, 4, 5.0)
    best = store.best()
    assert best is not None
    assert best.step == 4


def test_a_metric_that_should_rise_is_compared_the_other_way(store: CheckpointStore) -> None:
    """`monitor` and `higher_is_better` decide which checkpoint is the best."""
    for step, accuracy in ((1, 0.5), (2, 0.9), (3, 0.7)):
        words = {"monitor": "val_acc", "higher_is_better": True}
        info = store.save(step, {}, {}, metrics={"val_acc": accuracy, "val_loss": 1.0}, **words)
        assert info.is_best == (step != 3)
    assert store.best().step == 2


def test_a_run_that_goes_back_loads_what_it_saved_last(store: CheckpointStore) -> None:
    """After a step back the newest is the one saved last, not the one with the highest step."""
    for step in (100, 200, 300, 150):
        save(store, step)

    assert store.latest().step == 150
    assert store.load_latest().state == {"step": 150}


def test_a_step_saved_twice_never_overwrites(store: CheckpointStore) -> None:
    """A second save of a step gets its own folder, becomes the newest, and the first one goes."""
    first = save(store, 5, 1.0)
    second = save(store, 5, 0.5)

    assert first.path != second.path
    assert second.path.name == "step-00000005-2"
    assert [info.path for info in store.all()] == [second.path]


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_damage_is_named_and_passed_over(store: CheckpointStore, name: str) -> None:
    """Flipped bits, cuts and absence are found and named by step and file, and the backup loads."""
    save(store, 1, 1.0)
    damaged = save(store, 2, 0.5)
    path = damaged.path / name
    good = path.read_bytes()
    places = [0, 1, len(good) // 3, len(good) // 2, len(good) - 2]
    flipped = [good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :] for at in places]
    cut = [good[:length] for length in (0, 1, len(good) // 2, len(good) - 1)]
    for data in (*flipped, *cut, good + b"\0", None):
        if data is None:
            path.unlink()
        else:
            path.write_bytes(data)
        with pytest.raises(CheckpointCorrupted, match=rf"step 2 is damaged .*{name}") as caught:
            store.load(damaged)
        assert (caught.value.details["step"], caught.value.details["file"]) == (2, name)
        with pytest.warns(UserWarning, match=r"step 2 is damaged.*Loaded step 1"):
            loaded = store.load_latest()
        assert loaded.info.step == 1
        assert [error.details["file"] for error in loaded.skipped] == [name]
        with pytest.warns(UserWarning, match="step 2"):
            assert store.load_best().info.step == 1
        path.write_bytes(good)
    assert store.load(damaged)[1] == {"step": 2}


def test_every_bit_of_a_small_manifest_counts(store: CheckpointStore) -> None:
    """A flipped bit in any byte of a manifest is seen, unless the text still means the same."""
    info = save(store, 1, 1.0)
    path = info.path / "manifest.json"
    good = path.read_bytes()
    meaning = json.loads(good)
    for at in range(len(good)):
        data = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        try:
            same = json.loads(data) == meaning
        except ValueError:
            same = False
        path.write_bytes(data)
        if same:
            continue
        with pytest.raises(CheckpointCorrupted):
            store.load(info)


def test_files_swapped_between_checkpoints_are_found(store: CheckpointStore) -> None:
    """A model file of another step, as long as the right one, does not pass."""
    first, second = save(store, 1), save(store, 2)
    (second.path / "model.pt").write_bytes((first.path / "model.pt").read_bytes())

    with pytest.raises(CheckpointCorrupted, match=r"model\.pt"):
        store.load(second)


def test_when_all_are_damaged_the_error_says_so(store: CheckpointStore) -> None:
    """With no good checkpoint left loading fails with a named error; with none at all it returns None."""
    assert store.load_latest() is None
    for step in (1, 2):
        (save(store, step).path / "state.pt").write_bytes(b"")

    with pytest.raises(CheckpointCorrupted, match="None of the 2 checkpoints"):
        store.load_latest()
    assert store.all() == []
    assert [error.details["step"] for error in store.damaged()] == [1, 2]


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, (f"touch {os.environ['CANARY']}",))


@pytest.mark.parametrize("name", ["model.pt", "state.pt"])
def test_a_pickle_bomb_is_never_run(
    store: CheckpointStore, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pickled code is refused as untrusted and not run, also when the hashes were made to agree."""
    canary = tmp_path / "canary"
    monkeypatch.setenv("CANARY", str(canary))
    info = save(store, 1)
    torch.save({"w": Bomb()}, info.path / name)
    data = (info.path / name).read_bytes()
    manifest = json.loads((info.path / "manifest.json").read_text())
    manifest["files"][name] = {
        "bytes": len(data),
        "blake2b": hashlib.blake2b(data, digest_size=32).hexdigest(),
    }
    manifest["blake2b"] = _self_hash(manifest)
    (info.path / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(UntrustedCheckpoint, match=name):
        store.load(info)
    with pytest.raises(UntrustedCheckpoint):
        store.load_latest()
    assert not canary.exists()
    torch.load(info.path / name, weights_only=False)  # the bomb is a real one
    assert canary.exists()


def test_a_full_disk_is_told_with_needed_and_free_bytes(tmp_path: Path) -> None:
    """A disk too small for the checkpoint is refused before anything is written."""

    class SmallDisk(Files):
        def free_bytes(self, path: Path) -> int:
            return 1000

    store = CheckpointStore(tmp_path / "checkpoints", SmallDisk())
    with pytest.raises(RunFolderError, match=r"step 3.*39\.1 KiB needed, 1000 B free") as caught:
        store.save(3, {"w": torch.zeros(10_000)}, {})
    assert (caught.value.details["needed_bytes"], caught.value.details["free_bytes"]) == (40_000, 1000)
    assert list(store.root.iterdir()) == []


def test_folders_that_are_no_checkpoints_are_left_alone(store: CheckpointStore) -> None:
    """Foreign names are neither listed nor removed; leftovers of a crash are removed by the owner."""
    save(store, 1)
    for name in ("step-final", "notes", ".tmp-step-00000002-ab", ".trash-step-00000000-cd"):
        (store.root / name).mkdir()

    assert steps(store) == [1]
    assert store.damaged() == []
    assert store.clean_leftovers() == [".tmp-step-00000002-ab", ".trash-step-00000000-cd"]
    assert sorted(path.name for path in store.root.iterdir()) == ["notes", "step-00000001", "step-final"]


def test_large_tensors_reach_the_disk_in_order(store: CheckpointStore) -> None:
    """Tensors above the write buffer's size are written whole and in order."""
    state = {"small": torch.arange(10.0), "large": torch.arange(700_000.0), "last": torch.arange(3.0)}
    loaded, _ = store.load(store.save(1, state, {}))

    assert all(torch.equal(loaded[name], state[name]) for name in state)
