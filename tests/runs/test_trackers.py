"""The trackers, each with its real package, none with a network."""

from __future__ import annotations

import json
import math
import os
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nbtrain.errors import UsageError, UserError
from nbtrain.runs.metrics import read_metrics
from nbtrain.runs.status import RunStatus
from nbtrain.runs.store import RunFolder
from nbtrain.runs.stored import StoredRun
from nbtrain.runs.tracker import RunInfo, Tracker, numbers, open_trackers, thinned, tracker_types

STEPS = [{"step": step, "train_loss": 1.0 / step, "lr": 0.1, "optimizer": "adam"} for step in range(1, 6)]
EPOCH = {"epoch": 1, "step": 5, "train_loss": 0.4, "val_loss": math.nan, "val_acc": 0.9, "gpu_util": None}


@pytest.fixture
def info(tmp_path: Path) -> RunInfo:
    folder = RunFolder.create(tmp_path / "runs", "digits", {"seed": 3})
    return RunInfo(folder, "digits", {"lr": 0.1, "nested": {"a": 1}, "words": "x" * 900}, ("quick",))


def tracked(name: str, info: RunInfo, status: RunStatus = RunStatus.COMPLETED) -> Tracker:
    """Run the named tracker through a short run; the built-in one beside it."""
    built_in, *others = open_trackers([name], info)
    for tracker in (built_in, *others):
        tracker.log_steps(STEPS[:2])
        tracker.log_evaluation({"step": 2, "epoch": 1, "val_loss": 0.7})
        tracker.log_steps(STEPS[2:])
        tracker.log_epoch(EPOCH)
        tracker.finish(status)
    return others[0] if others else built_in


def test_every_tracker_keeps_the_contract() -> None:
    """Each file of the package is one tracker with an id, a docstring and the four methods."""
    types = tracker_types()

    assert set(types) == {"json", "tensorboard", "wandb", "mlflow"}
    for name, kind in types.items():
        assert kind.id == name
        assert kind.__doc__
        assert not getattr(kind, "__abstractmethods__", None)


@pytest.mark.parametrize("name", ["json", "csv"])
def test_json_files_hold_every_row(info: RunInfo, name: str) -> None:
    """The built-in tracker writes all steps and epochs to the run's folder, whatever it is called."""
    tracker = tracked(name, info)
    run = StoredRun(info.folder.path)

    assert tracker.id == "json"
    assert list(run.history["train_loss"]) == [row["train_loss"] for row in STEPS]
    assert run.epochs["val_acc"].tolist() == [0.9]


def test_json_files_go_on_after_a_resume(info: RunInfo) -> None:
    """A resumed run keeps the epochs before and replaces the one it does again."""
    tracked("json", info)
    (again,) = open_trackers(["json"], info)
    again.log_epoch({"epoch": 1, "train_loss": 0.3})
    again.log_epoch({"epoch": 2, "train_loss": 0.2})
    again.finish(RunStatus.COMPLETED)
    rows = read_metrics(info.folder.path / "logs/metrics.json").epochs

    assert [(row["epoch"], row["train_loss"]) for row in rows] == [(1, 0.3), (2, 0.2)]


def test_evaluations_done_again_are_dropped(info: RunInfo) -> None:
    """A run resumed from step 3 keeps the evaluation before it; those after it are as they were done last."""
    path = info.folder.path
    (tracker,) = open_trackers(["json"], info)
    for steps, loss in ((STEPS[:2], 0.7), (STEPS[2:4], 0.3)):
        tracker.log_steps(steps)
        tracker.log_evaluation({"step": steps[-1]["step"], "epoch": 1, "val_loss": loss})
    assert StoredRun(path).evaluations.val_loss.to_dict() == {2: 0.7, 4: 0.3}
    (again,) = open_trackers(["json"], info)
    again.log_steps(STEPS[2:4])
    again.log_evaluation({"step": 4, "epoch": 1, "val_loss": 0.5})
    again.log_steps(STEPS[4:])
    again.log_epoch({**EPOCH, "val_loss": 0.55})
    again.finish(RunStatus.COMPLETED)
    run = StoredRun(path)

    assert run.evaluations.val_loss.to_dict() == {2: 0.7, 4: 0.5, 5: 0.55}
    assert list(run.history.index) == [1, 2, 3, 4, 5] and "kind" not in run.history
    assert (path / "logs/val_loss.csv").read_text() == "epoch,step,val_loss\n1,2,0.7\n1,4,0.5\n1,5,0.55\n"
    assert (run.latest["best_val_loss"], run.latest["best_val_step"]) == (0.5, 4)


def test_tensorboard_reads_the_scalars_back(info: RunInfo) -> None:
    """TensorBoard's own reader finds every value of steps, evaluations and epochs at its step."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    tracker = tracked("tensorboard", info)
    events = accumulator.EventAccumulator(tracker.url, size_guidance={"scalars": 0})
    events.Reload()

    found = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert [step for step, _ in found["step/train_loss"]] == [1, 2, 3, 4, 5]
    assert found["step/lr"] == [(step, pytest.approx(0.1)) for step in range(1, 6)]
    assert found["epoch/val_acc"] == [(5, pytest.approx(0.9))]
    assert math.isnan(found["epoch/val_loss"][0][1])
    assert found["evaluation/val_loss"] == [(2, pytest.approx(0.7))]
    epochs = {"epoch/train_loss", "epoch/val_loss", "epoch/val_acc"}
    assert set(found) == {"step/train_loss", "step/lr", "evaluation/val_loss"} | epochs


def test_tensorboard_goes_on_after_a_resume(info: RunInfo) -> None:
    """Steps that a resumed run does again replace those of the first time on the board."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    tracked("tensorboard", info)
    _, again = open_trackers(["tensorboard"], replace(info, after_step=2))
    again.log_steps([{"step": 3, "train_loss": 7.0}])
    again.finish(RunStatus.STOPPED)
    events = accumulator.EventAccumulator(again.url, size_guidance={"scalars": 0})
    events.Reload()

    losses = [(event.step, event.value) for event in events.Scalars("step/train_loss")]
    assert losses == [(1, STEPS[0]["train_loss"]), (2, STEPS[1]["train_loss"]), (3, 7.0)]


def test_mlflow_reads_the_run_back(info: RunInfo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A local MLflow store holds metrics, parameters, name and ending; the person's set-up is as before."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    before = dict(os.environ), mlflow.get_tracking_uri(), mlflow.active_run()
    tracker: Any = tracked("mlflow", info, RunStatus.STOPPED)
    assert (dict(os.environ), mlflow.get_tracking_uri(), mlflow.active_run()) == before

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = mlflow.MlflowClient(tracking_uri=tracker.url)
    (run,) = client.search_runs([client.get_experiment_by_name("nbtrain").experiment_id])
    losses = client.get_metric_history(run.info.run_id, "step.train_loss")
    assert [(m.step, m.value) for m in losses] == [(row["step"], row["train_loss"]) for row in STEPS]
    assert run.data.metrics["epoch.val_acc"] == 0.9
    [judged] = client.get_metric_history(run.info.run_id, "evaluation.val_loss")
    assert (judged.step, judged.value) == (2, 0.7)
    assert (run.data.params["lr"], len(run.data.params["words"])) == ("0.1", 500)
    assert (run.info.run_name, run.info.status) == ("digits", "KILLED")
    assert run.data.tags["nbtrain.run_id"] == info.folder.id
    assert run.data.tags["nbtrain.status"] == "stopped"


def test_mlflow_goes_on_after_a_resume(
    info: RunInfo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A resumed run goes on in the run that MLflow has of it, which is running again until it ends."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    tracked("mlflow", info, RunStatus.INTERRUPTED)
    _, again = open_trackers(["mlflow"], replace(info, after_step=2))
    again.log_steps([{"step": 3, "train_loss": 7.0}])
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("nbtrain").experiment_id
    (going,) = client.search_runs([experiment])
    again.finish(RunStatus.COMPLETED)
    (ended,) = client.search_runs([experiment])

    assert (going.info.status, ended.info.status) == ("RUNNING", "FINISHED")
    assert ended.data.metrics["step.train_loss"] in (7.0, STEPS[-1]["train_loss"])
    assert 7.0 in [one.value for one in client.get_metric_history(ended.info.run_id, "step.train_loss")]


def wandb_records(data: bytes) -> Iterator[bytes]:
    """The records of a .wandb file: a LevelDB log (blocks of 32 KiB; crc, length, kind) after seven bytes."""
    at, whole = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        if at + 7 + length > len(data):  # still being written
            return
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # the record is whole, or this was its last part
            yield whole
            whole = b""


def wandb_history(folder: Path) -> list[dict[str, Any]]:
    """The rows of an offline run; the process of wandb's that writes them may be behind."""
    from wandb.proto import wandb_internal_pb2

    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    until = time.monotonic() + 60
    kinds: list[str] = []
    while "exit" not in kinds:
        assert time.monotonic() < until, kinds
        time.sleep(0.02)
        records = [wandb_internal_pb2.Record.FromString(data) for data in wandb_records(path.read_bytes())]
        kinds = [record.WhichOneof("record_type") for record in records]
    return [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record, kind in zip(records, kinds, strict=True)
        if kind == "history"
    ]


def test_wandb_offline_holds_the_rows(info: RunInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real package writes an offline run with every step and epoch, and leaves no run behind."""
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    tracked("wandb", info)
    rows = wandb_history(info.folder.path)

    steps = [(row["training_step"], row["step/train_loss"]) for row in rows if "step/train_loss" in row]
    assert steps == [(row["step"], row["train_loss"]) for row in STEPS]
    epochs = [row for row in rows if "epoch/val_acc" in row]
    assert [(row["training_step"], row["epoch/val_acc"]) for row in epochs] == [(5, 0.9)]
    judged = [row for row in rows if "evaluation/val_loss" in row]
    assert [(row["training_step"], row["evaluation/val_loss"]) for row in judged] == [(2, 0.7)]
    assert wandb.run is None


def test_wandb_without_a_key_refuses_before_it_would_ask(
    info: RunInfo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Online without a key the run is refused with both ways on, no prompt and no network."""
    pytest.importorskip("wandb")
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nothing listens there
    with pytest.raises(UserError, match=r"wandb login.*WANDB_MODE=offline"):
        open_trackers(["wandb"], info)


def test_an_unknown_backend_is_refused(info: RunInfo) -> None:
    """A name that is no tracker is told with those that are."""
    with pytest.raises(UsageError, match=r"`comet`.*csv, json, mlflow, tensorboard, wandb"):
        open_trackers(["comet"], info)


def test_when_one_refuses_the_others_are_finished(info: RunInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracker that cannot open does not leave the ones before it open."""
    types = tracker_types()
    finished = []

    def finish(self: Tracker, status: RunStatus) -> None:
        finished.append((self.id, status))

    def refuse(self: Tracker, info: RunInfo) -> None:
        raise UserError("no")

    monkeypatch.setattr(types["json"], "finish", finish)
    monkeypatch.setattr(types["tensorboard"], "open", refuse)
    with pytest.raises(UserError, match="no"):
        open_trackers(["tensorboard"], info)
    assert finished == [("json", RunStatus.FAILED)]


def test_rows_are_thinned_evenly_and_end_with_the_last() -> None:
    """Thinning keeps the last row and never more than asked."""
    rows = [{"step": step} for step in range(1000)]
    for at_most in (1, 7, 100, 999, 1000, 2000):
        kept = thinned(rows, at_most)
        assert len(kept) <= at_most
        assert kept[-1] == rows[-1]
        gaps = {b["step"] - a["step"] for a, b in pairwise(kept)}
        assert len(gaps) <= 1
    assert thinned(rows, 2000) == rows


def test_only_numbers_are_sent() -> None:
    """Words, lists, truth values and what is absent stay in the run's own files."""
    row = {"step": 1, "epoch": 2, "a": 1, "b": 0.5, "c": None, "d": "x", "e": [1], "f": True, "g": math.inf}
    assert numbers(row) == {"a": 1.0, "b": 0.5, "g": math.inf}


def test_short_epochs_are_written_once_a_round(info: RunInfo) -> None:
    """Epochs that came in one round are on disk after its flush, in one write."""
    (tracker,) = open_trackers(["json"], info)
    path = info.folder.path / "logs/metrics.json"
    tracker.log_epoch(EPOCH)
    tracker.log_epoch({**EPOCH, "epoch": 2})
    assert not path.exists()
    tracker.flush()
    assert [row["epoch"] for row in read_metrics(path).epochs] == [1, 2]
    written = path.stat().st_ino
    tracker.flush()
    assert path.stat().st_ino == written, "nothing new, nothing written"
