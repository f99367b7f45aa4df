"""What belongs to runs from a configuration: triggers of the modes, trackers, manifest, what is on disk."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.errors import RunNotFound, UsageError

A = """\
model: {architecture: mlp, hidden_size: 8}
data: {train: d.npz, val: v.npz, test: v.npz, dataset_name: sums, dataset_version: 2}
optimizer: {type: sgd, learning_rate: 1e-2}
training: {epochs: 2, batch_size: 16, device: cpu}
reproducibility: {seed: 42}
"""
ON_VARIABLES = A.replace(
    "data: {train: d.npz, val: v.npz, test: v.npz, dataset_name: sums, dataset_version: 2}",
    "data: {train: batches, val: batches}",
)


@pytest.fixture(autouse=True)
def data(no_runs_yet: None) -> None:
    """Lay small data into the working folder."""
    rng = np.random.default_rng(0)
    for name in ("d", "v"):
        x = rng.normal(size=(32, 4)).astype("float32")
        np.savez(f"{name}.npz", x=x, y=(x.sum(1) > 0).astype("int64"))


def do(verb: str, *words: str, namespace: dict[str, Any] | None = None) -> Any:
    return command(verb).run(parse(command(verb), list(words)), Context(namespace=namespace))


def trained(text: str, *words: str, namespace: dict[str, Any] | None = None) -> Any:
    Path("c.yaml").write_text(text)
    return do("start", "--config", "c.yaml", *words, namespace=namespace).start().wait(120)


def batches(count: int = 6, bad: int | None = None) -> list[Any]:
    draw = torch.Generator().manual_seed(0)
    made = []
    for place in range(count):
        x = torch.randn(8, 4, generator=draw)
        y = (x.sum(1) > 0).long()
        made.append((x * float("nan") if place == bad else x, y))
    return made


def test_a_mode_recovers_from_nan() -> None:
    """In a mode NaN means: the last good state again, a tenth of the rate, clipping at 1, an alert."""
    run = trained(ON_VARIABLES, "--mode", "baseline", namespace={"batches": batches(bad=3)})
    event = next(one for one in run.events if one["kind"] == "recovery")
    assert event["lr"]["to"] == pytest.approx(event["lr"]["from"] / 10)
    assert event["clip"]["to"] <= 1.0 and event["back_to"]
    assert any(alert.rule == "nan-recovered" for alert in run.alerts)
    assert all(torch.isfinite(one).all() for one in run.objects.model.parameters())
    assert "What to do" in do("explain", "nan-loss").to_text()


def test_a_mode_tells_a_stall() -> None:
    """In a mode a loss that stays high without improvement is told with its page, before patience ends it."""
    text = ON_VARIABLES.replace("1e-2", "1e-12").replace("epochs: 2", "epochs: 30")
    made = [(x, y + 8) for x, y in batches()]  # ten classes of which two are there: ln 10 and more
    run = trained(text, "--mode", "baseline", namespace={"batches": made})
    alert = next(one for one in run.alerts if one.rule == "convergence-stall")
    assert "explain convergence-stall" in alert.recommended
    assert len(run.epochs) < 30 and "early stopping" in run.stop_reason
    assert "What to do" in do("explain", "convergence-stall").to_text()


def test_a_mode_tells_an_idle_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a mode a GPU busy less than 60 % over ten epochs (made-up readings) is told with its page."""

    class Sampler:
        def look(self) -> None:
            """No device to look at."""

        def take(self) -> float:
            return 23.0

    training = import_module("nbtrain.train.training")
    monkeypatch.setattr(training, "device_sampler", lambda device: Sampler())
    text = ON_VARIABLES.replace("epochs: 2", "epochs: 14")
    run = trained(text, "--mode", "production", namespace={"batches": batches(40)})
    alert = next(one for one in run.alerts if one.rule == "resource-inefficiency")
    assert alert.current == "23 %" and "explain resource-inefficiency" in alert.recommended
    assert "What to do" in do("explain", "resource-inefficiency").to_text()


def test_the_manifest_names_the_data() -> None:
    """The manifest has name, version, checksum and sizes of the data."""
    manifest = trained(A).manifest
    told, files = manifest.dataset, manifest.hyperparameters["files"]
    assert (told["name"], told["version"]) == ("sums", "2")
    assert files["train"]["sha256"] == hashlib.sha256(Path("d.npz").read_bytes()).hexdigest()
    assert len(told["sha256"]) == 64
    assert (told["train_samples"], told["valid_samples"], told["test_samples"]) == (32, 32, 32)


def test_a_named_baseline_is_compared_with() -> None:
    """--baseline compares at the end: in comparison.md and the manifest; one that is not there is refused."""
    first = trained(A, "--mode", "baseline")
    run = trained(A.replace("1e-2", "5e-1"), "--mode", "optimization", "--baseline", "baseline")
    told = json.loads((run.dir / "manifest.json").read_text())["baseline_comparison"]
    assert told["baseline"] == first.id
    assert told["verdict"] in ("better", "worse", "no-significant-difference")
    assert {one["name"] for one in told["metrics"]} >= {"val_loss", "val_acc"}
    assert "val_acc" in (run.dir / "comparison.md").read_text()
    with pytest.raises(RunNotFound, match="nothing-of-it"):
        trained(A, "--baseline", "nothing-of-it")


def test_wandb_hears_project_entity_and_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Project, entity and tags of dialect (b) reach the real package, offline."""
    pytest.importorskip("wandb")
    from wandb.proto import wandb_internal_pb2 as records

    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "runs"))
    wandb_records = import_module("test_trackers").wandb_records  # the reader of its files
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = trained(
        "model: {architecture: mlp}\n"
        "data: {train_path: d.npz, valid_path: v.npz}\n"
        "training: {hyperparameters: {learning_rate: 1e-2, batch_size: 16, num_epochs: 1}}\n"
        "logging: {wandb: {enabled: true, project: cats, entity: we, tags: [first, small]}}\n"
        "compute: {device: cpu}\n"
    )
    (path,) = run.dir.glob("wandb/offline-run-*/*.wandb")
    for data in wandb_records(path.read_bytes()):
        record = records.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "run":
            told = record.run
            assert (told.project, told.entity, [*told.tags]) == ("cats", "we", ["first", "small"])
            break
    else:
        raise AssertionError("no run in wandb's file")
    assert run.manifest.tags == ("first", "small")
    table = nbtrain.runs(tag="small")
    assert list(table.index) == [run.id] and not len(nbtrain.runs(tag="large"))


def test_a_run_of_objects_is_a_configuration(objects: dict[str, Any]) -> None:
    """config.yaml of a run from objects trains again with --config; what it cannot know is warned of."""
    optimizer = torch.optim.SGD(objects["model"].parameters(), lr=0.05, momentum=0.9)
    there = {**objects, "optimizer": optimizer, "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1)}
    first = do("start", "--epochs", "2", "--accumulate", "2", "--log", "json", namespace=there)
    first = first.start().wait(60)
    told = nbtrain.validate(first.dir / "config.yaml", namespace=there)
    assert told.valid and [one["details"]["field"] for one in told.warnings] == [
        "scheduler", "reproducibility.seed",
    ]  # fmt: skip
    run = do("start", "--config", str(first.dir / "config.yaml"), namespace=there).start().wait(60)
    assert str(run.status) == "completed" and run.progress.step == first.progress.step
    work = run.plan.config
    assert work["training"]["accumulate"] == 2 and work["training"]["clip"] is None
    assert (work["optimizer"]["lr"], work["optimizer"]["momentum"]) == (0.05, 0.9)
    assert not nbtrain.validate(first.dir / "config.yaml", namespace={}).valid


def test_runs_are_chosen() -> None:
    """`runs` takes status, name, order and number; a word it does not know is refused with those it does."""
    for name, rate in (("slow-one", "1e-4"), ("quick-one", "1e-1")):
        trained(f"name: {name}\n{A}".replace("1e-2", rate))
    assert list(nbtrain.runs(sort="val_loss")["name"]) == ["quick-one", "slow-one"]
    assert list(do("runs", "--sort=-val_loss", "--limit", "1")["name"]) == ["slow-one"]
    assert list(nbtrain.runs(name="quick*", status="completed,failed")["name"]) == ["quick-one"]
    assert not len(do("runs", "--status", "failed"))
    with pytest.raises(UsageError, match=r"no status `done`.*completed"):
        nbtrain.runs(status="done")
    with pytest.raises(UsageError, match="no column `loss`"):
        do("runs", "--sort", "loss")


def test_checkpoints_are_listed() -> None:
    """`checkpoints` lists what a run kept: steps, metrics, best and last; a damaged one is called so."""
    run = trained(A.replace("seed: 42}", "seed: 42}\ncheckpointing: {every: 1}"))
    table = nbtrain.list_checkpoints(run.id)
    assert table.index[0] == run.progress.step and "last" in table["kept_as"].iloc[0]
    assert sum("best" in word for word in table["kept_as"]) == 1
    assert {"val_loss", "size"} <= set(table.columns)
    oldest = Path(table["path"].iloc[-1])
    (oldest / "model.pt").write_bytes(b"cut off")
    report = do("checkpoints")
    assert report.to_dict()["checkpoints"][-1]["kept_as"] == "damaged"
    assert str(run.progress.step) in report.to_text()
    with pytest.raises(RunNotFound):
        nbtrain.list_checkpoints(dir="elsewhere")
