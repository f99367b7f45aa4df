"""A configuration is checked as a whole: every error at once, each with its five details."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbtrain.config.checking import Checked, Place, check_text

A = """\
model:
  architecture: mlp
  dropout: 0.1
optimizer:
  type: AdamW
  learning_rate: 1e-4
  weight_decay: 0.01
training:
  epochs: 10
  batch_size: 32
  device: cpu
early_stopping:
  enabled: true
  patience: 5
  metric: val_loss
reproducibility:
  seed: 42
  deterministic: true
"""
B = """\
model:
  base_checkpoint: org/some-model
  architecture: decoder-only-transformer
  vocab_size: 300
  hidden_size: 64
  num_layers: 2
  num_heads: 4
data:
  train_path: train.jsonl
  valid_path: val.jsonl
  test_path: test.jsonl
  max_seq_length: 128
  dataset_name: texts
  dataset_version: "1.0"
training:
  hyperparameters:
    learning_rate: 2e-5
    batch_size: 4
    gradient_accumulation_steps: 4
    num_epochs: 3
    warmup_steps: 10
    weight_decay: 0.01
    max_grad_norm: 1.0
    fp16: false
    bf16: true
  optimization:
    optimizer: adamw
    lr_scheduler: cosine
    early_stopping_patience: 2
    early_stopping_metric: val_loss
  checkpointing:
    save_strategy: steps
    save_total_limit: 3
    load_best_at_end: true
    metric_for_best_model: val_loss
logging:
  output_dir: runs
  logging_dir: logs
  logging_steps: 10
  eval_steps: 100
  save_steps: 100
  wandb:
    enabled: false
    project: p
    entity: e
    tags: [a, b]
  tensorboard:
    enabled: true
    log_dir: tb
compute:
  device: cpu
  num_gpus: 0
  distributed_backend: nccl
  mixed_precision: bf16
"""
C = """\
model_path: checkpoints/base
framework: pytorch
train_data: train.jsonl
val_data: val.jsonl
batch_size: 8
gradient_accumulation: 2
optimizer: adamw
learning_rate: 5e-5
weight_decay: 0.01
betas: [0.9, 0.95]
warmup_steps: 100
lr_schedule: cosine
total_steps: 1000
gradient_clip: 1.0
dropout: 0.1
checkpoint_every: 500
checkpoint_dir: checkpoints
log_every: 10
validate_every: 100
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with data and a base checkpoint whose window is 256."""
    for name in ("train", "val", "test"):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"text": "some {name}"}}\n' * 9)
    base = tmp_path / "checkpoints" / "base"
    base.mkdir(parents=True)
    (base / "config.json").write_text(json.dumps({"max_position_embeddings": 256, "vocab_size": 300}))
    return tmp_path


def checked(text: str, folder: Path = Path(), **how: Any) -> Checked:
    return check_text(text, Place(folder, devices={"cpu": 1}, **how))


def only(text: str, folder: Path = Path(), **how: Any) -> dict[str, Any]:
    found = checked(text, folder, **how)
    assert len(found.errors) == 1, [one.sentence() for one in found.errors]
    return found.errors[0].details


@pytest.mark.parametrize(("text", "dialect"), [(A, "a"), (B, "b"), (C, "c")])
def test_each_dialect_with_all_its_keys(text: str, dialect: str, folder: Path) -> None:
    """Each dialect is told by its keys, and every key the contract names is read without an error."""
    found = checked(text, folder)
    assert [one.sentence() for one in found.errors] == []
    assert found.dialect is not None and found.dialect.id == dialect


def test_every_error_at_once() -> None:
    """All errors come at once, each with field, value, expected, suggestion and its line."""
    text = (
        A.replace("1e-4", '"1e-4"').replace("epochs: 10", "epochs: -3").replace("dropout", "dropuot")
        .replace("type: AdamW", "type: adamww").replace("  seed: 42\n", "")
    )  # fmt: skip
    found = {one.field: one for one in checked(text).errors}
    assert set(found) == {
        "model.dropuot", "optimizer.type", "optimizer.learning_rate", "training.epochs",
        "reproducibility.seed",
    }  # fmt: skip
    assert [found[name].line for name in ("model.dropuot", "optimizer.type", "optimizer.learning_rate")] == [
        3,
        5,
        6,
    ]
    assert "`model.dropout`" in found["model.dropuot"].suggestion
    assert "`adamw`" in found["optimizer.type"].suggestion
    assert "Drop the quotes: `learning_rate: 1e-4`" in found["optimizer.learning_rate"].suggestion
    assert found["training.epochs"].value == -3
    assert "at least 1" in found["training.epochs"].expected
    assert "seed: 42" in found["reproducibility.seed"].suggestion
    for one in found.values():
        assert set(one.details) == {"field", "value", "expected", "suggestion", "line"}
        assert one.expected and one.suggestion


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("learning_rate: 1e-4", "learning_rate: 0", "optimizer.learning_rate"),
        ("learning_rate: 1e-4", "learning_rate: -1e-3", "optimizer.learning_rate"),
        ("learning_rate: 1e-4", "learning_rate: 5.0", "optimizer.learning_rate"),
        ("learning_rate: 1e-4", "learning_rate: .nan", "optimizer.learning_rate"),
        ("learning_rate: 1e-4", "learning_rate: .inf", "optimizer.learning_rate"),
        ("learning_rate: 1e-4", "learning_rate: true", "optimizer.learning_rate"),
        ("learning_rate: 1e-4", "learning_rate: [1e-4]", "optimizer.learning_rate"),
        ("learning_rate: 1e-4", "learning_rate:", "optimizer.learning_rate"),
        ("weight_decay: 0.01", "weight_decay: -0.1", "optimizer.weight_decay"),
        ("dropout: 0.1", "dropout: 1.0", "model.dropout"),
        ("dropout: 0.1", "dropout: 1.5", "model.dropout"),
        ("epochs: 10", "epochs: 0", "training.epochs"),
        ("epochs: 10", "epochs: 2.5", "training.epochs"),
        ("epochs: 10", 'epochs: "10"', "training.epochs"),
        ("batch_size: 32", "batch_size: 0", "training.batch_size"),
        ("device: cpu", "device: tpu9", "training.device"),
        ("patience: 5", "patience: 0", "early_stopping.patience"),
        ("metric: val_loss", "metric: vla_loss", "early_stopping.metric"),
        ("seed: 42", "seed: -1", "reproducibility.seed"),
        ("seed: 42", "seed: 4.2", "reproducibility.seed"),
        ("deterministic: true", 'deterministic: "true"', "reproducibility.deterministic"),
        ("enabled: true", "enabled: 1", "early_stopping.enabled"),
        ("architecture: mlp", "architecture: 5", "model.architecture"),
    ],
)  # fmt: skip
def test_types_and_ranges(old: str, new: str, field: str) -> None:
    """A value of a wrong type or out of range is one error at its field and line."""
    text = A.replace(old, new)
    details = only(text)
    assert details["field"] == field
    assert details["line"] == next(i for i, line in enumerate(text.splitlines(), 1) if line.strip() == new)


@pytest.mark.parametrize(
    "key", ["model.architecture", "optimizer.learning_rate", "training.epochs", "reproducibility.seed"]
)
def test_required(key: str) -> None:
    """What dialect (a) needs and does not say is one error that names it, without a line."""
    name = key.rpartition(".")[2]
    text = "".join(line for line in A.splitlines(True) if not line.strip().startswith(f"{name}:"))
    details = only(text)
    assert (details["field"], details["line"]) == (key, None)


@pytest.mark.parametrize(
    ("text", "field", "meant"),
    [
        (A.replace("learning_rate", "learnig_rate"), "optimizer.learnig_rate", "optimizer.learning_rate"),
        (A.replace("  batch_size: 32", "  batchsize: 32"), "training.batchsize", "training.batch_size"),
        (A + "optimiser: {}\n", "optimiser", "optimizer"),
        (A + "lr: 1e-3\n", "lr", "optimizer.learning_rate"),
        (A.replace("  epochs", "  momentum: 0.1\n  epochs"), "training.momentum", "optimizer.momentum"),
        (C + "gradient_acumulation: 3\n", "gradient_acumulation", "gradient_accumulation"),
    ],
)  # fmt: skip
def test_unknown_keys(text: str, field: str, meant: str, folder: Path) -> None:
    """A key that means nothing is an error that names the one that was meant."""
    found = {one.field: one for one in checked(text, folder).errors}
    assert f"`{meant}`" in found[field].suggestion


def test_mistyped_section_of_b(folder: Path) -> None:
    """A mistyped section deep in dialect (b) is found with its proper name."""
    found = {
        one.field: one for one in checked(B.replace("  checkpointing:", "  checkpointng:"), folder).errors
    }
    assert "`training.checkpointing`" in found["training.checkpointng"].suggestion


@pytest.mark.parametrize(
    ("rate", "errors", "warnings"),
    [
        ("2e-5", 0, 0),
        ("1e-6", 0, 0),
        ("1e-4", 0, 0),
        ("9e-7", 0, 1),
        ("2e-4", 0, 1),
        ("9.9e-3", 0, 1),
        ("0.01", 1, 0),
    ],
)
def test_fine_tuning_rates(rate: str, errors: int, warnings: int, folder: Path) -> None:
    """Fine-tuning outside 1e-6 to 1e-4 warns, from 0.01 on it is an error."""
    found = checked(C.replace("5e-5", rate), folder)
    field = "learning_rate"
    assert sum(one.field == field for one in found.errors) == errors
    assert sum(one.field == field for one in found.warnings) == warnings


def test_seed_outside_a(folder: Path) -> None:
    """Outside dialect (a) a missing seed is 42, and that is said."""
    warned = {one.kind: one for one in checked(C, folder).warnings}
    assert "42" in warned["DefaultSeed"].suggestion


def test_patience_beyond_the_epochs() -> None:
    """A patience longer than the run warns."""
    found = checked(A.replace("patience: 5", "patience: 11"))
    assert found.valid
    assert [one.field for one in found.warnings] == ["early_stopping.patience"]


def test_absent_device_and_hub_name_warn(folder: Path) -> None:
    """A device that is not here, and a name of a hub, which cannot be checked offline, warn."""
    found = checked(B.replace("device: cpu", "device: cuda"), folder)
    assert found.valid
    kinds = {one.field: one.kind for one in found.warnings}
    assert kinds["compute.device"] == "DeviceAbsent"
    assert kinds["model.base_checkpoint"] == "CannotCheck"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(None, "PathNotFound"), ("", "EmptyDataset"), ("\n \n", "EmptyDataset"), ("no json\n", "InvalidConfig")],
)
def test_data(content: str | None, kind: str, folder: Path) -> None:
    """Data that is absent, empty or no JSON lines is an error with the path and, where counted, the lines."""
    path = folder / "train.jsonl"
    path.unlink() if content is None else path.write_text(content)
    [problem] = [one for one in checked(C, folder).errors if one.field == "train_data"]
    assert problem.kind == kind
    assert problem.details["path"] == str(path)
    if kind == "EmptyDataset":
        assert problem.details["line_count"] == 0


def test_line_counts(folder: Path) -> None:
    """The samples of each file are counted, blank lines and a table's header left out."""
    (folder / "train.csv").write_text("a,label\n1,0\n\n2,1\n3,1")
    found = checked(C.replace("train.jsonl", "train.csv"), folder)
    assert {name: seen["line_count"] for name, seen in found.files.items()} == {
        "train_data": 3,
        "val_data": 9,
    }


def test_samples_in_arrays_and_columns(folder: Path) -> None:
    """Samples in .npz and .parquet are told by their headers; a damaged file has no number."""
    np.savez(folder / "train.npz", x=np.zeros((7, 3)), y=np.zeros(7))
    pd.DataFrame({"a": range(5), "label": 0}).to_parquet(folder / "train.parquet")
    (folder / "torn.npz").write_bytes((folder / "train.npz").read_bytes()[:200])
    np.savez_compressed(folder / "flipped.npz", x=np.arange(3000.0).reshape(1000, 3))
    data = bytearray((folder / "flipped.npz").read_bytes())
    data[34:60] = b"\xff" * 26  # within the compressed bytes
    (folder / "flipped.npz").write_bytes(data)
    counts = {"train.npz": 7, "train.parquet": 5, "torn.npz": None, "flipped.npz": None}
    for name, count in counts.items():
        found = checked(C.replace("train.jsonl", name), folder)
        assert found.files["train_data"]["line_count"] == count, name


def test_window_and_sizes_of_the_checkpoint(folder: Path) -> None:
    """Sequences longer than the model's window, and sizes other than its own, are errors."""
    text = B.replace("org/some-model", "checkpoints/base").replace("128", "512").replace("300", "400")
    found = {one.field: one.expected for one in checked(text, folder).errors}
    assert set(found) == {"data.max_seq_length", "model.vocab_size"}
    assert "256" in found["data.max_seq_length"]


def test_missing_checkpoint_and_heads(folder: Path) -> None:
    """A checkpoint's path that is not there, and heads that do not divide the width, are errors."""
    text = B.replace("org/some-model", "./checkpoints/bse").replace("num_heads: 4", "num_heads: 5")
    found = {one.field: one for one in checked(text, folder).errors}
    assert found["model.base_checkpoint"].kind == "PathNotFound"
    assert "checkpoints/base" in found["model.base_checkpoint"].suggestion
    assert "4" in found["model.num_heads"].suggestion


def test_precisions_that_contradict(folder: Path) -> None:
    """fp16 and bf16 at once is an error."""
    assert only(
        B.replace("fp16: false", "fp16: true").replace("mixed_precision: bf16", "mixed_precision: no"), folder
    )


def test_two_keys_for_one_setting() -> None:
    """Two keys that mean one setting are an error that names both."""
    text = A.replace("  epochs: 10", "  epochs: 10\n  gradient_clip: 1.0\n  max_grad_norm: 2.0")
    assert "training.gradient_clip" in only(text)["expected"]


def test_notebook_names() -> None:
    """In a notebook an architecture that is no variable and not known is an error with the nearest."""
    text = A.replace("architecture: mlp", "architecture: nett")
    assert "`Net`" in only(text, names=frozenset({"Net", "loader"}))["suggestion"]
    assert checked(text, names=frozenset({"nett"})).valid
    assert checked(text).warnings[0].kind == "CannotCheck"


def test_relations_that_cannot_work(folder: Path) -> None:
    """A warmup as long as the run is an error, and so is a split beside validation data."""
    assert only(C.replace("warmup_steps: 100", "warmup_steps: 1000"), folder)["field"] == "warmup_steps"
    assert only(C + "split: 0.2\n", folder)["field"] == "split"


@pytest.mark.parametrize(
    "text", ["{}", "a: 1", "optimizer: adamw\ntraining: 5", "training: {hyperparameters: 5}", "model: []"]
)
def test_nonsense_is_refused_in_words(text: str) -> None:
    """A mapping of something else is not valid, and never a traceback."""
    found = checked(text)
    assert found.errors
    assert all(one.sentence() for one in found.errors)
