"""Runs from a configuration: they train to the end, the same each time, and leave what a phase leaves."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.config.reading import read_file
from nbtrain.errors import InvalidConfig, UsageError

A = """\
model: {architecture: mlp, hidden_size: 8}
data: {train: d.npz, val: v.npz, test: t.npz}
optimizer: {type: adamw, learning_rate: 1e-2}
training: {epochs: 2, batch_size: 16, device: cpu}
reproducibility: {seed: 42}
"""
B = """\
model: {architecture: decoder-only-transformer, hidden_size: 16, num_layers: 1, num_heads: 2}
data: {train_path: train.jsonl, valid_path: val.jsonl, max_seq_length: 16}
training:
  hyperparameters: {learning_rate: 3e-3, batch_size: 8, num_epochs: 2, gradient_accumulation_steps: 2,
  max_grad_norm: 1.0}
  optimization: {optimizer: adamw, lr_scheduler: cosine}
compute: {device: cpu}
"""
C = """\
architecture: mlp
train_data: d.csv
val_data: v.csv
batch_size: 16
learning_rate: 0.05
optimizer: sgd
total_steps: 9
checkpoint_every: 4
validate_every: 4
"""
TIMED = ("epoch_time_s", "samples_per_s", "data_wait", "gpu_util")


@pytest.fixture(autouse=True)
def data(no_runs_yet: None) -> None:
    """Lay small data of each kind into the working folder."""
    rng = np.random.default_rng(0)
    for name, size in (("d", 64), ("v", 32), ("t", 32)):
        x = rng.normal(size=(size, 4)).astype("float32")
        y = (x.sum(1) > 0).astype("int64")
        np.savez(f"{name}.npz", x=x, y=y)
        rows = "".join(f"{a},{b},{c},{d},{label}\n" for (a, b, c, d), label in zip(x, y, strict=True))
        Path(f"{name}.csv").write_text("a,b,c,d,label\n" + rows)
    words, draw = ["the", "cat", "sat", "on", "a", "mat"], random.Random(0)
    for name, size in (("train", 30), ("val", 10)):
        texts = (" ".join(draw.choices(words, k=6)) for _ in range(size))
        Path(f"{name}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def planned(text: str, *words: str, namespace: dict[str, Any] | None = None, verb: str = "start") -> Any:
    Path("c.yaml").write_text(text)
    chosen = command(verb)
    return chosen.run(parse(chosen, ["--config", "c.yaml", *words]), Context(namespace=namespace))


def trained(text: str, *words: str, namespace: dict[str, Any] | None = None) -> Any:
    run = planned(text, *words, namespace=namespace).start().wait(120)
    assert str(run.status) == "completed", run.error or run.stop_reason
    assert not run.alerts or all("not" not in alert.rule for alert in run.alerts), [
        a.issue for a in run.alerts
    ]
    return run


def metrics(run: Any) -> list[dict[str, Any]]:
    rows = json.loads((run.dir / "logs" / "metrics.json").read_text())["epochs"]
    return [{name: value for name, value in row.items() if name not in TIMED} for row in rows]


@pytest.mark.parametrize(("text", "steps"), [(A, 8), (C, 9)])
def test_dialects_train_to_the_end(text: str, steps: int) -> None:
    """A configuration with data from files trains to its last step and keeps its numbers."""
    run = trained(text)
    assert run.progress.step == steps
    assert (run.dir / "training_results.md").is_file()
    assert metrics(run)[-1]["val_loss"] is not None


def test_language_model_of_dialect_b() -> None:
    """Dialect (b) trains a language model on JSON lines, its batches added up, its loss falling."""
    run = trained(B)
    assert run.progress.step == run.plan.total_steps
    losses = [row["val_loss"] for row in metrics(run)]
    assert losses[-1] < losses[0] < np.log(257) + 0.5
    assert run.manifest.hyperparameters["training"]["accumulate"] == 2


def test_two_baseline_runs_are_the_same() -> None:
    """Two baseline runs of one configuration have identical metrics.json, times and the run's id aside."""
    draws = torch.rand(3)
    first = trained(A, "--mode", "baseline")
    torch.manual_seed(int(draws.sum() * 1000))  # what the process drew meanwhile has no part in it
    second = trained(A, "--mode", "baseline")
    assert metrics(first) == metrics(second)
    assert len(metrics(first)) == 2


def test_a_notebooks_class_and_loaders(objects: dict[str, Any]) -> None:
    """With a notebook's class and loaders two runs are the same, in batches of the configuration's size."""

    class Net(nn.Sequential):
        def __init__(self, dropout: float = 0.5) -> None:
            super().__init__(nn.Linear(4, 8), nn.Dropout(dropout), nn.Linear(8, 2))

    there = {**objects, "Net": Net}
    text = A.replace("data: {train: d.npz, val: v.npz, test: t.npz}\n", "").replace(
        "{architecture: mlp, hidden_size: 8}", "{architecture: Net, dropout: 0.25}"
    )
    first, second = trained(text, namespace=there), trained(text, namespace=there)
    assert metrics(first) == metrics(second)
    layers = first.plan.config["configuration"]
    assert layers["model"]["dropout"] == 0.25
    loader = planned(text.replace("batch_size: 16", "batch_size: 8"), namespace=there).plan.work.train_loader
    assert loader.batch_size == 8 and objects["train_loader"].batch_size == 16


def test_modes() -> None:
    """A mode gives epochs, patience, seed and triggers where the file says nothing."""
    text = A.replace("epochs: 2, ", "")
    for mode, epochs, patience in (("baseline", 20, 10), ("optimization", 50, 7), ("production", 100, 10)):
        plan = planned(text, "--mode", mode).plan
        options = plan.work.options
        assert (options.epochs, options.patience, options.seed) == (epochs, patience, 42)
        assert (options.on_nan, options.deterministic) == ("recover", True)
        assert planned(A, "--mode", mode).plan.total_epochs == 2
    plan = planned(text.replace(", learning_rate: 1e-2", ""), "--mode", "baseline").plan
    group = plan.work.optimizer.param_groups[0]
    assert group["initial_lr"] == 1e-3 and group["weight_decay"] == 0.0


def test_defaults_are_told() -> None:
    """Optimizer, decay, betas, warmup, schedule and clipping have their defaults, called so in the plan."""
    plan = planned(
        "architecture: mlp\ntrain_data: d.npz\nbatch_size: 16\nlearning_rate: 1e-3\nepochs: 30\n"
    ).plan
    told = {line.label: (line.value, line.origin) for line in plan.lines if line.section == "Configuration"}
    assert told["optimizer.type"] == ("adamw", "default")
    assert told["optimizer.weight_decay"] == ("0.01", "default")
    assert told["optimizer.betas"] == ("0.9, 0.999", "default")
    assert told["optimizer.warmup_steps"] == ("12", "default")  # 10 % of 30 epochs of 4 steps
    assert told["optimizer.lr_schedule"] == ("cosine", "default")
    assert told["training.gradient_clip"] == ("1", "default")
    assert told["reproducibility.seed"] == ("42", "default")
    assert told["training.batch_size"] == ("16", "config")
    lines = {line.label: line.origin for line in plan.lines if line.section != "Configuration"}
    assert lines["Gradient clipping"] == "default" and lines["Epochs"] == "config"


def test_the_stored_configuration_trains_the_same(tmp_path: Path) -> None:
    """config.yaml of a run, taken with --config from another folder, makes the same run again."""
    first = trained(A, "--mode", "baseline")
    Path("elsewhere").mkdir()
    Path("elsewhere/again.yaml").write_text((first.dir / "config.yaml").read_text())
    chosen = command("start")
    second = chosen.run(parse(chosen, ["--config", "elsewhere/again.yaml"]), Context()).start().wait(120)
    assert metrics(first) == metrics(second)
    assert read_file(first.dir / "config.yaml").plain() == read_file(second.dir / "config.yaml").plain()


def test_production_is_tested_at_the_end() -> None:
    """Production judges the best weights on the test data, in the manifest and in production_results.md."""
    run = trained(
        A.replace("seed: 42}", "seed: 42}\ncheckpointing: {load_best_at_end: true}"), "--mode", "production"
    )
    result = run.manifest.training_results
    assert 0 < result["test_loss"] < 2 and 0 <= result["test_acc"] <= 1
    text = (run.dir / "production_results.md").read_text()
    assert "## Test data" in text and "test\\_loss" in text.replace("test_loss", "test\\_loss")
    held = np.load("t.npz")
    output = run.objects.model(torch.from_numpy(held["x"]))
    expected = nn.functional.cross_entropy(output, torch.from_numpy(held["y"])).item()
    assert result["test_loss"] == pytest.approx(expected, rel=1e-4)


def test_diagnosis_is_taken(tmp_path: Path) -> None:
    """--from takes the changes of a diagnosis, marks them, and says what cannot be set."""
    Path("diagnosis.json").write_text(json.dumps({
        "primary": "overfitting",
        "findings": [{"check": "overfitting", "recommendations": [
            {"action": "a", "change": {"weight_decay": 0.05, "dropout": 0.3}},
            {"action": "b", "change": {"augmentation": True}},
        ]}],
    }))  # fmt: skip
    plan = planned(A, "--mode", "optimization", "--from", "diagnosis.json").plan
    told = {line.label: (line.value, line.origin) for line in plan.lines}
    assert told["optimizer.weight_decay"] == ("0.05", "diagnosis")
    assert told["model.dropout"] == ("0.3", "diagnosis")
    assert any("augmentation" in warning for warning in plan.warnings)


def test_options_of_the_line_count_for_more() -> None:
    """What stands on the line counts for more than the file, and is marked so."""
    plan = planned(A, "--epochs", "3", "--data", "v.npz", "--val", "t.npz", "--output-dir", "out").plan
    assert plan.total_epochs == 3 and str(plan.work.options.dir) == "out"
    assert len(plan.work.train_loader.dataset) == 32
    told = {line.label: line.origin for line in plan.lines if line.section == "Configuration"}
    assert told["training.epochs"] == told["data.train"] == "option"


def test_split() -> None:
    """`split: auto` puts 20 % aside, the same each time."""
    text = A.replace("val: v.npz, test: t.npz", "split: auto")
    first, second = planned(text).plan.work, planned(text).plan.work
    assert len(first.val_loader.dataset) == 13 and len(first.train_loader.dataset) == 51
    assert first.val_loader.dataset.indices == second.val_loader.dataset.indices


def test_resume() -> None:
    """`resume` goes on with a run from a configuration by the file it left, without a notebook."""
    run = planned(A).start()
    run.stop()
    run.wait(60)
    chosen = command("resume")
    again = chosen.run(parse(chosen, [run.id]), Context()).start().wait(60)
    assert again.id == run.id and again.progress.step == 8 and str(again.status) == "completed"


def test_base_checkpoint() -> None:
    """Weights of an earlier run are gone on from; others, and a hub's name, are refused in words."""
    first = trained(C)
    best = first.folder.checkpoints.best().path
    text = C.replace("0.05", "1e-4").replace("architecture: mlp", f"architecture: mlp\nmodel_path: {best}")
    plan = planned(text).plan
    held = torch.load(best / "model.pt", weights_only=True)
    assert all(torch.equal(one, held[name]) for name, one in plan.work.model.state_dict().items())
    assert any("begin as those of" in warning for warning in plan.warnings)
    for other in (text.replace("mlp\n", "mlp\nhidden_size: 7\n"), text.replace(str(best), "org/model")):
        with pytest.raises(UsageError, match="base checkpoint"):
            planned(other)


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        (A.replace("d.npz", "x.npz"), (), "x.npz"),
        (A.replace("data: {train: d.npz, val: v.npz, test: t.npz}\n", ""), (), "--data"),
        (A, ("model",), "model.architecture"),
        (A, ("--from", "nowhere.json"), "nowhere.json"),
        (A.replace("mlp", "cnn").replace(", hidden_size: 8", ""), (), "images"),
        (A.replace("type: adamw", "type: adamw, warmup_steps: 8"), (), "warmup_steps"),
    ],
)
def test_what_cannot_be_trained(text: str, words: tuple[str, ...], said: str) -> None:
    """What cannot be trained is an error of ours that names it, and nothing is on disk."""
    with pytest.raises((UsageError, InvalidConfig), match=said):
        planned(text, *words)
    assert not Path("runs").exists()


def test_invalid_configuration_carries_every_error() -> None:
    """A run of a configuration that is not valid is one InvalidConfig with all its errors."""
    with pytest.raises(InvalidConfig, match="line 4") as caught:
        planned(A.replace("epochs: 2", "epochs: 0").replace("seed: 42", "sed: 42"))
    assert {one["details"]["field"] for one in caught.value.to_dict()["details"]["errors"]} == {
        "training.epochs", "reproducibility.sed", "reproducibility.seed",
    }  # fmt: skip


def test_mode_needs_a_configuration(objects: dict[str, Any]) -> None:
    """--mode without --config says what it belongs to."""
    chosen = command("start")
    with pytest.raises(UsageError, match="--mode belongs to"):
        chosen.run(parse(chosen, ["--mode", "baseline"]), Context(namespace=objects))


@pytest.mark.parametrize("verb", ["plan", "start"])
def test_dry_run(verb: str) -> None:
    """A dry run shows steps, batch, memory and logging, and leaves generators and the disk as they were."""
    before = torch.get_rng_state()
    files = sorted(Path().rglob("*"))
    report = planned(B, "--dry-run", "--max-steps", "3", verb=verb)
    assert torch.equal(torch.get_rng_state(), before)
    assert sorted(Path().rglob("*")) == sorted([*files, Path("c.yaml")])
    told = report.to_dict()["dry_run"]
    assert len(told["losses"]) == 3 and told["changed"] == []
    assert told["losses"][0] == pytest.approx(np.log(257), rel=0.1)
    text = report.to_text()
    assert (
        "ln 257" in text
        and "(8, 16) int64" in text
        and "A step needs about" in text
        and "json: opened" in text
    )
