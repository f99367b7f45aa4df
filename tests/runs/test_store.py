"""The folder of a run while it is written."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest
import torch
from disk_model import ModelDisk

from nbtrain.errors import RunFolderError
from nbtrain.findings import Finding, Severity
from nbtrain.runs.files import Files
from nbtrain.runs.journal import read_journal
from nbtrain.runs.lock import read_owner
from nbtrain.runs.manifest import Manifest
from nbtrain.runs.metrics import read_metrics
from nbtrain.runs.names import is_run_id
from nbtrain.runs.store import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", "digits", {"seed": 42, "base_model": "Net"})


def test_a_run_folder_holds_what_was_written(folder: RunFolder) -> None:
    """Steps, epochs, curves, alerts, log, config, texts and manifest lie where the layout says."""
    finding = Finding("loss-spike", Severity.WARNING, "The loss jumped.", step=3)
    folder.write_manifest(status="running")
    folder.append_steps([{"step": 1, "train_loss": 2.0}])
    folder.write_epochs([{"epoch": 1, "step": 1, "train_loss": 2.0, "val_loss": 1.5}])
    folder.append_alerts([finding])
    folder.log("hello\nworld")
    folder.write_config({"lr": 1e-5, "model": object, "data": {"path": Path("a")}, "betas": (0.9, 0.999)})
    folder.write_text("figures/note.txt", "é")
    folder.checkpoints.save(1, {"w": torch.ones(2)}, {}, metrics={"val_loss": 1.5})
    folder.write_manifest(status="completed", training_results={"total_steps": 1})
    folder.close()
    path = folder.path

    assert read_journal(path / "logs/metrics.jsonl") == [{"step": 1, "train_loss": 2.0}]
    metrics = read_metrics(path / "logs/metrics.json")
    assert (metrics.run_id, metrics.seed, metrics.epochs[0]["val_loss"]) == (folder.id, 42, 1.5)
    assert (path / "logs/train_loss.csv").read_text() == "epoch,step,train_loss\n1,1,2.0\n"
    assert read_journal(path / "logs/alerts.jsonl")[0]["rule"] == "loss-spike"
    assert (path / "logs/training.log").read_text().endswith(" hello\nworld\n")
    assert (path / "figures/note.txt").read_text(encoding="utf-8") == "é"
    manifest = Manifest.read(path)
    assert (manifest.status, manifest.name, manifest.base_model) == ("completed", "digits", "Net")
    assert manifest.checkpoints["best_checkpoint"] == "checkpoints/step-00000001"
    assert manifest.checkpoints["all_checkpoints"] == ["checkpoints/step-00000001"]
    assert manifest.created_at <= manifest.started_at <= manifest.completed_at
    names = {found.name for found in path.iterdir()}
    assert names == {"manifest.json", "config.yaml", "logs", "checkpoints", "figures"}


def test_the_config_is_yaml_that_reads_numbers_as_numbers(folder: RunFolder) -> None:
    """config.yaml comes back through a safe loader with its small numbers as numbers and its order kept."""
    from ruamel.yaml import YAML

    config = {"z": 1e-5, "a": 1e-4, "nested": {"on": True, "none": None, "text": "1e-4", "list": [1, 2.5]}}
    loaded = YAML(typ="safe", pure=True).load(folder.write_config(config))

    assert loaded == config
    assert list(loaded) == ["z", "a", "nested"]


def test_events_add_up(folder: RunFolder) -> None:
    """Each event is kept with its time, kind and details."""
    folder.add_event("lr", step=5, value=0.1)
    folder.add_event("restart", step=9)
    folder.close()

    events = Manifest.read(folder.path).events
    assert [(event["kind"], event["step"]) for event in events] == [("lr", 5), ("restart", 9)]
    assert all(event["at"].endswith("Z") for event in events)


def tree(path: Path) -> list[str]:
    return sorted(str(found.relative_to(path)) for found in path.rglob("*"))


def test_a_folder_that_cannot_be_written_is_refused_whole(tmp_path: Path) -> None:
    """A file in the way, /proc, a too long path: one RunFolderError with the place, and nothing half made."""
    (tmp_path / "file").write_text("in the way")
    before = tree(tmp_path)
    for root in (
        tmp_path / "file",
        tmp_path / "file" / "runs",
        Path("/proc/nbtrain/runs"),
        tmp_path / ("x" * 300),
    ):
        with pytest.raises(RunFolderError, match="Could not make a run folder") as caught:
            RunFolder.create(root, "a")
        assert "dir=" in caught.value.suggestion
        assert caught.value.details["path"].startswith(str(root))
        assert tree(tmp_path) == before


def test_a_read_only_disk_is_refused(tmp_path: Path) -> None:
    """On a disk mounted read-only the run is refused and nothing is made."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount here")
    try:
        with pytest.raises(RunFolderError, match="Read-only file system"):
            RunFolder.create(tmp_path / "runs", "a")
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_refusal_at_any_operation_leaves_nothing(tmp_path: Path) -> None:
    """Whichever operation of making the folder the disk refuses, the folders made so far go again."""

    class Refusing(Files):
        at, count = 0, 0

        def _count(self) -> None:
            self.count += 1
            if self.count > self.at:
                raise OSError(28, "No space left on device")

        def mkdir(self, path: Path) -> None:
            self._count()
            super().mkdir(path)

        def rename(self, source: Path, target: Path) -> None:
            self._count()
            super().rename(source, target)

        def fsync_folder(self, path: Path) -> None:
            self._count()
            super().fsync_folder(path)

        def create(self, path: Path):  # type: ignore[no-untyped-def]
            self._count()
            return super().create(path)

    disk = Refusing()
    made = False
    while not made:
        disk.count = 0
        try:
            RunFolder.create(tmp_path / "a" / "runs", "x", fs=disk).close()
            made = True
        except RunFolderError as error:
            assert "disk is full" in str(error)
            assert tree(tmp_path) == [], disk.at
        disk.at += 1
    assert disk.at > 9


def test_runs_of_one_name_and_second_get_folders_of_their_own(tmp_path: Path) -> None:
    """Two runs with the same name never share a folder."""
    folders = [RunFolder.create(tmp_path, "same name") for _ in range(5)]

    assert len({folder.path for folder in folders}) == 5
    assert all(is_run_id(folder.id) for folder in folders)
    assert {Manifest.read(folder.path).name for folder in folders} == {"same name"}


def test_going_on_with_a_folder(folder: RunFolder) -> None:
    """An interrupted run's folder is taken over: leftovers go, a stale STOP goes, rows are appended."""
    folder.write_manifest(status="running")
    folder.append_steps([{"step": 1}])
    with pytest.raises(RunFolderError, match="this process"):
        RunFolder.open(folder.path)
    folder.close()
    (folder.path / ".tmp-manifest.json-1234").write_text("{")
    (folder.path / "checkpoints" / ".tmp-step-00000009-1").mkdir()
    (folder.path / "STOP").touch()
    again = RunFolder.open(folder.path)

    assert not again.stop_requested()
    again.append_steps([{"step": 2}])
    again.write_manifest(status="running")
    assert Manifest.read(folder.path).status == "running"
    again.close()
    assert [row["step"] for row in read_journal(folder.path / "logs/metrics.jsonl")] == [1, 2]
    assert not list(folder.path.rglob(".tmp*"))
    assert ".tmp-step-00000009-1" in (folder.path / "logs/training.log").read_text()


def test_a_stop_file_is_obeyed_once(folder: RunFolder) -> None:
    """A STOP file asks once; its word says whether at the step's or the epoch's end."""
    assert folder.take_stop_request() is None
    for text, expected in (("", "step"), ("epoch\n", "epoch"), ("EPOCH", "epoch"), ("now!", "step")):
        (folder.path / "STOP").write_text(text)
        assert folder.take_stop_request() == expected
        assert folder.take_stop_request() is None
    (folder.path / "STOP").touch()
    assert folder.stop_requested()
    assert not folder.stop_requested()


def test_closing_gives_the_folder_back(folder: RunFolder) -> None:
    """After close nobody owns the folder, rows are refused in words, and a second close does nothing."""
    folder.close()
    folder.close()
    assert read_owner(folder.path) is None
    with pytest.raises(RunFolderError, match="is closed"):
        folder.append_steps([{"step": 1}])


def test_a_run_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    """Discarding takes back the run's folder and what was made for it, and nothing else."""
    first = RunFolder.create(tmp_path / "a" / "runs", "x")
    first.write_text("plan.md", "x")
    first.discard()
    assert tree(tmp_path) == []
    kept = RunFolder.create(tmp_path / "a" / "runs", "x")
    RunFolder.create(tmp_path / "a" / "runs", "y").discard()
    assert [path.name for path in (tmp_path / "a" / "runs").iterdir()] == [kept.id]


def test_a_full_disk_while_training_is_told(tmp_path: Path) -> None:
    """When the disk fills up, the manifest's write says needed and free bytes, and the old one stays."""
    folder = RunFolder.create(tmp_path, "a")
    disk = ModelDisk(folder.path, fail=(0, 28))
    folder._fs = disk
    with pytest.raises(RunFolderError, match="disk is full") as caught:
        folder.write_manifest(status="running")
    assert caught.value.details["needed_bytes"] > 500
    assert folder.manifest.status == "planned"
    assert Manifest.read(folder.path).status == "planned"


def test_threads_may_write_at_once(folder: RunFolder) -> None:
    """Rows, events and log lines of several threads all arrive whole."""

    def write(worker: int) -> None:
        for i in range(20):
            folder.append_steps([{"step": i, "worker": worker}])
            folder.log(f"line {i} of {worker}")
        folder.add_event("done", worker=worker)

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder.close()
    assert len(read_journal(folder.path / "logs/metrics.jsonl")) == 80
    assert len((folder.path / "logs/training.log").read_text().splitlines()) == 80
    assert {event["worker"] for event in Manifest.read(folder.path).events} == {0, 1, 2, 3}


def test_paths_out_of_the_folder_are_refused(folder: RunFolder) -> None:
    """write_text and write_bytes stay inside the run's folder."""
    for relative in ("../x", "/tmp/x", "logs/../../x"):
        with pytest.raises(RunFolderError):
            folder.write_text(relative, "x")
    assert not (folder.path.parent / "x").exists()


def test_a_relative_root_does_not_move_with_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run given a relative folder goes on there when a cell changes the working folder."""
    monkeypatch.chdir(tmp_path)
    folder = RunFolder.create("runs", "a")
    os.chdir("/")
    folder.write_text("note", "x")
    folder.close()
    assert (tmp_path / "runs" / folder.id / "note").exists()
