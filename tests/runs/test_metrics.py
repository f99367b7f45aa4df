"""metrics.json: what is written, and what is read from anybody's file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from nbtrain.errors import InvalidMetrics, UsageError
from nbtrain.runs.metrics import COLUMNS, read_metrics, write_curve, write_metrics


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "metrics.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Rows come back equal, non-finite values too, with every column and unknown keys kept."""
    path = tmp_path / "metrics.json"
    rows = [
        {
            "epoch": 1,
            "step": 45,
            "train_loss": 2.1,
            "val_loss": math.nan,
            "layer_grad_norms": {"fc": math.inf},
        },
        {
            "epoch": 2,
            "step": 90,
            "train_loss": math.inf,
            "val_loss": -math.inf,
            "perplexity": 8.2,
            "note": "NaN?",
        },
    ]
    write_metrics(path, rows, run_id="r", seed=42)
    found = read_metrics(path)

    assert (found.run_id, found.seed, found.schema) == ("r", 42, "nbtrain.metrics/1")
    assert [set(row) >= set(COLUMNS) for row in found.epochs] == [True, True]
    assert math.isnan(found.epochs[0]["val_loss"])
    assert found.epochs[0]["layer_grad_norms"] == {"fc": math.inf}
    assert (found.epochs[1]["train_loss"], found.epochs[1]["val_loss"]) == (math.inf, -math.inf)
    assert (found.epochs[1]["perplexity"], found.epochs[1]["note"]) == (8.2, "NaN?")
    assert found.epochs[0]["train_acc"] is None


def test_the_file_is_strict_json(tmp_path: Path) -> None:
    """Non-finite values are written as strings, so that any JSON reader takes the file."""
    path = tmp_path / "metrics.json"
    write_metrics(path, [{"epoch": 1, "train_loss": math.nan, "val_loss": -math.inf}])

    def refuse(token: str) -> None:
        raise AssertionError(token)

    row = json.loads(path.read_text(), parse_constant=refuse)["epochs"][0]
    assert (row["train_loss"], row["val_loss"]) == ("NaN", "-Infinity")


def test_bare_tokens_of_other_tools_are_read(tmp_path: Path) -> None:
    """Bare NaN, Infinity and -Infinity, which Python's json writes, are read like the strings."""
    text = '{"epochs": [{"epoch": 1, "train_loss": NaN, "val_loss": Infinity, "lr": -Infinity}]}'
    row = read_metrics(written(tmp_path, text)).epochs[0]

    assert math.isnan(row["train_loss"])
    assert (row["val_loss"], row["lr"]) == (math.inf, -math.inf)


def test_a_column_over_1_5_is_percent_as_a_whole(tmp_path: Path) -> None:
    """One accuracy over 1.5 makes its whole column percent; other columns stay as they are."""
    rows = [
        {
            "epoch": 1,
            "train_acc": 0.9,
            "val_acc": 0.5,
            "top1_accuracy": 1.5,
            "gpu_util": 71.0,
            "val_loss": 9.0,
        },
        {
            "epoch": 2,
            "train_acc": 91.0,
            "val_acc": 0.6,
            "top1_accuracy": None,
            "gpu_util": 75.0,
            "val_loss": 8.0,
        },
    ]
    found = read_metrics(written(tmp_path, json.dumps({"epochs": rows})))

    assert found.percent_columns == ("train_acc",)
    assert [row["train_acc"] for row in found.epochs] == pytest.approx([0.009, 0.91])
    assert [row["val_acc"] for row in found.epochs] == [0.5, 0.6]
    assert found.epochs[0]["top1_accuracy"] == 1.5
    assert (found.epochs[0]["gpu_util"], found.epochs[0]["val_loss"]) == (71.0, 9.0)


def test_a_later_row_of_an_epoch_replaces_the_earlier(tmp_path: Path) -> None:
    """Resumed runs write an epoch twice: the later row counts, and rows are ordered by epoch."""
    rows = [{"epoch": e, "train_loss": loss} for e, loss in ((1, 3.0), (3, 1.0), (2, 9.0), (2, 2.0))]
    found = read_metrics(written(tmp_path, json.dumps({"epochs": rows})))

    assert [(row["epoch"], row["train_loss"]) for row in found.epochs] == [(1, 3.0), (2, 2.0), (3, 1.0)]


def test_no_epochs_yet_is_no_error(tmp_path: Path) -> None:
    """An empty list of epochs is a run that has just begun."""
    path = tmp_path / "metrics.json"
    write_metrics(path, [], run_id="r")

    assert read_metrics(path).epochs == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"epochs": [{"epoch": 1, "train', "no JSON.*cut off"),
        ("", "no JSON"),
        (b"\x89PNG\r\n\xff", "not UTF-8"),
        ("[]", "holds a list"),
        ("3", "holds a number"),
        ('{"loss": [1]}', "`epochs`.*is missing"),
        ('{"epochs": {"1": {}}}', "`epochs`.*is an object"),
        ('{"epochs": [1]}', r"`epochs\[0\]`.*is a number"),
        ('{"epochs": [{"epoch": 1}, {"train_loss": 1.0}]}', r"`epochs\[1\]\.epoch`.*is missing"),
        ('{"epochs": [{"epoch": 1.5}]}', r"`epochs\[0\]\.epoch`.*1\.5"),
        ('{"epochs": [{"epoch": -1}]}', r"`epochs\[0\]\.epoch`.*-1"),
        ('{"epochs": [{"epoch": NaN}]}', r"`epochs\[0\]\.epoch`"),
        ('{"epochs": [{"epoch": 1, "train_loss": "low"}]}', r"`epochs\[0\]\.train_loss`.*'low'"),
        ('{"epochs": [{"epoch": 1, "val_loss": true}]}', r"`epochs\[0\]\.val_loss`.*boolean"),
        ('{"epochs": [{"epoch": 1, "val_loss": [1]}]}', r"`epochs\[0\]\.val_loss`.*list"),
        ('{"epochs": [{"epoch": 1, "my_acc": "x"}]}', r"`epochs\[0\]\.my_acc`"),
        ('{"epochs": [{"epoch": 1, "layer_grad_norms": {"fc": "x"}}]}', r"layer_grad_norms\.fc`"),
        ('{"epochs": [{"epoch": 1, "layer_grad_norms": [1]}]}', r"layer_grad_norms`.*list"),
        ('{"epochs": [{"epoch": 1, "lr": 1' + "0" * 400 + "}]}", "too large"),
        ('{"epochs": [{"epoch": 1' + "0" * 5000 + "}]}", "no JSON that can be read"),
        ("[" * 100_000, "no JSON"),
        ('{"epochs": [], "seed": "a"}', "`seed`"),
        ('{"epochs": [], "run_id": 3}', "`run_id`"),
        ('{"schema": "nbtrain.run/1", "epochs": []}', "`schema`"),
        ('{"schema": 1, "epochs": []}', "`schema`"),
    ],
)
def test_what_is_no_metrics_file_is_named(tmp_path: Path, text: Any, says: str) -> None:
    """Each kind of wrong file is an InvalidMetrics that says what is wrong and where."""
    with pytest.raises(InvalidMetrics, match=says) as caught:
        read_metrics(written(tmp_path, text))
    assert caught.value.exit_status == 1
    assert caught.value.details["path"].endswith("metrics.json")


@pytest.mark.parametrize("schema", ["nbtrain.metrics/2", "nbtrain.metrics/99", "other/1"])
def test_a_schema_of_the_future_is_read_with_a_warning(tmp_path: Path, schema: str) -> None:
    """A newer or foreign schema is told and what is known is read."""
    path = written(
        tmp_path, json.dumps({"schema": schema, "epochs": [{"epoch": 1, "train_loss": 2}], "new": 1})
    )
    with pytest.warns(UserWarning, match=schema):
        found = read_metrics(path)
    assert found.epochs[0]["train_loss"] == 2


def test_a_file_cut_at_any_byte_is_an_error_or_whole(tmp_path: Path) -> None:
    """No cut of the file is read as if it were the file."""
    path = tmp_path / "metrics.json"
    write_metrics(path, [{"epoch": e, "train_loss": 1.0 / e} for e in (1, 2)])
    data = path.read_bytes()
    for length in range(len(data.rstrip())):
        path.write_bytes(data[:length])
        with pytest.raises(InvalidMetrics):
            read_metrics(path)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    """A file that is not there, or a folder, is told as wrong usage with exit status 2."""
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match="no metrics file") as caught:
            read_metrics(path)
        assert caught.value.exit_status == 2


def test_a_curve_holds_one_line_an_epoch(tmp_path: Path) -> None:
    """The CSV has epoch, step and value, without the epochs that have none."""
    path = tmp_path / "val_loss.csv"
    rows = [
        {"epoch": 1, "step": 5, "val_loss": 0.5},
        {"epoch": 2, "step": 9},
        {"epoch": 3, "val_loss": math.nan},
    ]
    write_curve(path, rows, "val_loss")

    assert path.read_text() == "epoch,step,val_loss\n1,5,0.5\n3,,NaN\n"
