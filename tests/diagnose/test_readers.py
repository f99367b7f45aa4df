"""Histories as other tools write them: the same run, whoever logged it, leads to the same numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import nbtrain
from nbtrain.diagnose.columns import canonical, is_loss
from nbtrain.diagnose.history import History
from nbtrain.diagnose.reader import all_readers, read_history
from nbtrain.errors import InvalidMetrics, UsageError

TRAIN = [2.0, 1.2, 0.7, 0.4, 0.2, 0.1]
VALID = [1.9, 1.3, 0.9, 0.8, 0.8, 0.85]
ACCURACY = [0.3, 0.5, 0.65, 0.7, 0.71, 0.7]


def columns(history: History) -> dict[str, list[float]]:
    names = ("train_loss", "val_loss", "val_acc")
    return {name: np.round(history.column(name), 6).tolist() for name in names}


WANTED = {"train_loss": TRAIN, "val_loss": VALID, "val_acc": ACCURACY}


def test_every_reader_is_found_and_says_what_it_reads() -> None:
    """The readers are those of the package, in an order of their own each."""
    ids = {reader.id for reader in all_readers()}

    assert {"metrics-json", "run-folder", "csv-log", "tensorboard-events", "trainer-state"} <= ids
    assert len({reader.place for reader in all_readers()}) == len(ids)
    assert all(reader.what for reader in all_readers())


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("loss", "train_loss"),
        ("val_accuracy", "val_acc"),
        ("Loss/train", "train_loss"),
        ("eval_loss", "val_loss"),
        ("validation/epoch_accuracy", "val_acc"),
        ("train_loss_epoch", "train_loss"),
        ("learning_rate", "lr"),
        ("lr-AdamW", "lr"),
        ("valid_loss", "val_loss"),
        ("trainAcc", "train_acc"),
        ("perplexity", None),
        ("box_loss", None),
        ("val_acc_class_3", None),
    ],
)
def test_columns_of_other_tools_have_their_names_here(name: str, ours: str | None) -> None:
    """Usual names are known; a loss or an accuracy of something in particular is not taken for the whole."""
    assert canonical(name) == ours
    assert is_loss("box_loss") and not is_loss("loss_scale")


def test_a_csv_with_a_line_an_epoch(tmp_path: Path) -> None:
    """A plain CSV, also with semicolons, percent signs and empty cells; nan in one epoch is a broken loss."""
    lines = ["epoch;loss;val_loss;val_accuracy"]
    lines += [
        f"{at};{a};{b};{100 * c:.0f}%" for at, a, b, c in zip(range(6), TRAIN, VALID, ACCURACY, strict=True)
    ]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines))
    history = read_history(path)

    assert np.allclose(history.column("train_loss"), TRAIN) and history.epochs["epoch"].tolist()[0] == 1
    assert nbtrain.diagnose(path).facts.recent_val_acc == pytest.approx(np.mean(ACCURACY[-3:]), abs=0.005)
    path.write_text("\n".join(lines).replace("0.4;", "nan;").replace("0.85;", ";"))
    broken = nbtrain.diagnose(path)
    assert broken.primary == "nan-loss" and [one.epoch for one in broken.history.broken] == [4.0]


def test_lightnings_csv_log(tmp_path: Path) -> None:
    """Lightning writes some columns a line: a row an epoch comes of them, and the steps beside."""
    folder = tmp_path / "version_3"
    folder.mkdir()
    lines = ["epoch,lr-AdamW,step,train_loss_epoch,train_loss_step,val_acc,val_loss"]
    for epoch in range(6):
        for part in range(2):
            lines.append(f"{epoch},,{10 * epoch + 5 * part},,{TRAIN[epoch] + 0.1 * (0.5 - part)},,")
        lines.append(f"{epoch},,{10 * epoch + 9},,,{ACCURACY[epoch]},{VALID[epoch]}")
        lines.append(f"{epoch},,{10 * epoch + 9},{TRAIN[epoch]},,,")
    (folder / "metrics.csv").write_text("\n".join(lines))
    history = read_history(tmp_path)

    assert columns(history) == WANTED
    assert len(history.steps) == 12 and history.broken == ()
    interleaved = "\n".join(lines).replace(",,", ",nan,").replace(",,", ",nan,").replace(",\n", ",nan\n")
    (folder / "metrics.csv").write_text(interleaved)
    assert columns(read_history(tmp_path)) == WANTED, "as pandas writes it, with nan for absent"
    assert read_history(tmp_path).broken == ()


def test_a_csv_of_a_resumed_run(tmp_path: Path) -> None:
    """Where the steps go back, the later lines hold; it is said."""
    lines = ["step,train_loss,val_loss", "10,2.0,1.9", "20,9.9,9.9", "30,9.9,9.9", "20,1.2,1.3", "30,0.7,0.9"]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines))
    history = read_history(path)

    assert history.column("train_loss").tolist() == TRAIN[:3]
    assert any("resumed" in note for note in history.notes)


def test_hugging_faces_trainer_state(tmp_path: Path) -> None:
    """Losses by step are averaged up to each evaluation; the summary at the end is no point of a curve."""
    log: list[dict[str, float]] = []
    for epoch in range(6):
        for part, off in ((1, 0.1), (2, -0.1)):
            step = 100 * epoch + 50 * part
            log.append(
                {
                    "loss": TRAIN[epoch] + off,
                    "grad_norm": 1.0,
                    "learning_rate": 1e-4,
                    "epoch": step / 100,
                    "step": step,
                }
            )
        step = 100 * (epoch + 1)
        log.append(
            {
                "eval_loss": VALID[epoch],
                "eval_accuracy": ACCURACY[epoch],
                "eval_runtime": 3.0,
                "epoch": epoch + 1.0,
                "step": step,
            }
        )
    log.append({"train_loss": 0.7, "train_runtime": 60.0, "step": 600, "epoch": 6.0})
    folder = tmp_path / "checkpoint-600"
    folder.mkdir()
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": log, "train_batch_size": 8}))
    history = read_history(tmp_path)

    assert columns(history) == WANTED
    assert history.hints.batch_size == 8 and len(history.steps) == 12
    assert history.epochs["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    (folder / "trainer_state.json").write_text("{}")
    with pytest.raises(InvalidMetrics, match="log_history"):
        read_history(tmp_path)


def test_tensorboards_event_files(tmp_path: Path) -> None:
    """Scalars in one folder, or in a train and a validation folder as Keras has them."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "one")) as writer:
        for at in range(6):
            for part, off in ((1, 0.1), (2, -0.1)):
                writer.add_scalar("Loss/train", TRAIN[at] + off, 100 * at + 50 * part)
            writer.add_scalar("Loss/val", VALID[at], 100 * (at + 1))
            writer.add_scalar("Accuracy/val", ACCURACY[at], 100 * (at + 1))
    with SummaryWriter(str(tmp_path / "two" / "train")) as writer:
        for at in range(6):
            writer.add_scalar("epoch_loss", TRAIN[at], at)
    with SummaryWriter(str(tmp_path / "two" / "validation")) as writer:
        for at in range(6):
            writer.add_scalar("epoch_loss", VALID[at], at)
            writer.add_scalar("epoch_accuracy", ACCURACY[at], at)
    for folder in ("one", "two"):
        history = read_history(tmp_path / folder)
        for name, wanted in WANTED.items():
            assert np.allclose(history.column(name), wanted, atol=1e-5), (folder, name)
    assert len(read_history(tmp_path / "one").steps) == 12
    with pytest.raises(InvalidMetrics, match="several runs"):
        read_history(tmp_path)


def test_seeds_stand_beside_each_other(tmp_path: Path) -> None:
    """Folders seed-* are one history with the others beside it; the median one is diagnosed."""
    for seed, end in (("seed-1", 0.95), ("seed-2", 0.93), ("seed-3", 0.70)):
        rows = [
            {"epoch": at, "train_loss": 1 / at, "val_loss": 1 / at, "train_acc": end, "val_acc": end}
            for at in range(1, 9)
        ]
        (tmp_path / seed).mkdir()
        (tmp_path / seed / "metrics.json").write_text(json.dumps({"epochs": rows}))
    found = nbtrain.diagnose(tmp_path)

    assert found.primary == "seeds-disagree" and set(found.history.seeds) == {"seed-1", "seed-2", "seed-3"}
    assert any("seed-2" in note for note in found.history.notes)


def test_absent_and_not_finite_are_told_apart(tmp_path: Path) -> None:
    """null is absent; NaN as a string or a bare token is a broken loss, with its epoch."""
    path = tmp_path / "metrics.json"
    rows = (
        '{"epoch": 1, "train_loss": 1.0, "val_loss": null}, {"epoch": 2, "train_loss": %s, "val_loss": 1.0}'
    )
    for token in ('"NaN"', "NaN", '"-Infinity"'):
        path.write_text('{"epochs": [' + rows % token + "]}")
        broken = read_history(path).broken
        assert [(one.column, one.epoch) for one in broken] == [("train_loss", 2.0)]
        assert not math.isfinite(broken[0].value)
    path.write_text('{"epochs": [' + rows % "null" + "]}")
    assert read_history(path).broken == ()


@pytest.mark.parametrize("text", ["", "not a table", "a,b\n1,2\n", "\0\1\2"])
def test_what_is_no_history_is_said(tmp_path: Path, text: str) -> None:
    """A file without a loss is InvalidMetrics with its path, or nothing to diagnose; no other error."""
    path = tmp_path / "log.csv"
    path.write_text(text)
    try:
        assert read_history(path).empty
    except InvalidMetrics as error:
        assert str(path) in str(error) and error.suggestion
    with pytest.raises(UsageError, match="no file or folder"):
        read_history(tmp_path / "absent.json")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    with pytest.raises(InvalidMetrics, match="no history"):
        read_history(tmp_path / "picture.png")
