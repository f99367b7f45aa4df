"""What may be compared: runs, ids, folders, files, tables, and lists of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import nbtrain
from nbtrain.errors import InvalidMetrics, UsageError
from nbtrain.runs.manifest import Manifest
from nbtrain.runs.metrics import write_metrics
from nbtrain.runs.status import RunStatus
from tests.compare.conftest import Writer, rows

Stored = Callable[..., Path]


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    """Write a run's folder below `runs`, as a training leaves it."""
    monkeypatch.chdir(tmp_path)

    def written(
        run_id: str,
        top: float,
        *,
        seed: int = 0,
        status: str = "completed",
        lr: float = 1e-3,
        loader: str = "a",
    ) -> Path:
        folder = tmp_path / "runs" / run_id
        (folder / "logs").mkdir(parents=True)
        write_metrics(folder / "logs/metrics.json", rows(top, seed=seed), run_id=run_id, seed=seed)
        Manifest(
            run_id=run_id, name=run_id, status=RunStatus(status), seed=seed,
            dataset={"name": loader, "train_samples": 100},
            hyperparameters={"data": {"train": loader}, "optimizer": {"type": "Adam", "lr": lr}},
            cost={"cost": 1.5, "currency": "EUR", "gpu_hours": 0.5}, created_at="2026-01-01T00:00:00Z",
        ).write(folder)  # fmt: skip
        return folder

    return written


def test_runs_ids_folders_and_files_mean_the_same_run(stored: Stored) -> None:
    """A Run, its id, the beginning of it, its folder and its metrics.json give one comparison."""
    base, opt = stored("base-1", 0.7, lr=1e-2), stored("opt-1", 0.8)
    ways = [
        (nbtrain.load_run(base), nbtrain.load_run(opt)), ("base-1", "opt-1"), ("base", "opt"),
        (base, str(opt)),
        (base / "logs/metrics.json", opt / "logs/metrics.json"),
    ]  # fmt: skip
    found = [nbtrain.compare(*way).to_dict() for way in ways]

    for one in found:
        assert one["metrics"] == found[0]["metrics"]
        assert {d["field"] for d in one["config_differences"]} == {"optimizer.lr"}
        assert {"cost", "GPU hours"} <= {r["name"] for r in one["resources"]}
        assert one["same_seed"] is True


def test_several_runs_a_side_are_its_seeds(stored: Stored, tmp_path: Path) -> None:
    """A list of runs, and a folder that holds several, are repetitions: a test over all of them."""
    base = [stored(f"base-{at}", 0.70 + at / 100, seed=at) for at in range(3)]
    opt = [stored(f"opt-{at}", 0.80 + at / 100, seed=at) for at in range(3)]
    for side, folders in (("b", base), ("o", opt)):
        (tmp_path / side).mkdir()
        for folder in folders:
            folder.rename(tmp_path / side / folder.name)

    by_list = nbtrain.compare(
        sorted((tmp_path / "b").iterdir()), sorted((tmp_path / "o").iterdir())
    ).to_dict()
    by_folder = nbtrain.compare("b", "o").to_dict()

    assert by_list["method"] == by_folder["method"] == "welch"
    assert by_list["metrics"] == by_folder["metrics"]
    assert by_folder["baseline"]["seeds"] == [0, 1, 2]
    assert by_folder["baseline"]["name"] == "b"


@pytest.mark.parametrize("inner", ["metrics.json", "logs/metrics.json", "run-1/metrics.json"])
def test_seed_folders_are_read_wherever_the_file_lies(write: Writer, tmp_path: Path, inner: str) -> None:
    """seed-*/metrics.json, seed-*/logs/metrics.json and seed-*/RUN/metrics.json; the seed is the folder's."""
    for name, top in (("base", 0.7), ("opt", 0.8)):
        for seed in (3, 12):
            path = tmp_path / name / f"seed-{seed}" / inner
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps({"epochs": rows(top + seed / 1e4, seed=seed)}))
    found = nbtrain.compare("base", "opt").to_dict()

    assert found["baseline"]["seeds"] == [3, 12]
    assert len(found["optimized"]["runs"]) == 2
    assert found["method"] == "welch"


def test_tables_and_rows_are_compared(write: Writer) -> None:
    """A DataFrame, a list of rows and a dict with epochs, without any file."""
    data = rows(0.8)

    assert nbtrain.compare(pd.DataFrame(rows(0.7)), data).verdict == "better"
    assert nbtrain.compare({"epochs": data, "run_id": "mine"}, data).to_dict()["baseline"]["name"] == "mine"


def test_a_loaders_variable_is_no_name_of_data(stored: Stored) -> None:
    """Loaders of other names may hold the same data: compared, and said to be in doubt."""
    base, opt = stored("base", 0.7, loader="train_loader"), stored("opt", 0.8, loader="loader_64")
    for name in ("", "logs/metrics.json"):
        found = nbtrain.compare(base / name, opt / name)

        assert found.verdict == "better"
        assert found.to_dict()["same_data"] is None
        assert any("loader_64" in note for note in found.to_dict()["notes"])


def test_a_diverged_run_is_not_comparable_by_its_status(stored: Stored) -> None:
    """What its manifest says counts, also where its last epochs look finite."""
    found = nbtrain.compare(stored("a", 0.7), stored("b", 0.9, status="diverged"))

    assert found.verdict == "not-comparable"
    assert "diverged" in found.reasons[0]


def test_what_is_missing_or_damaged_is_named(write: Writer, tmp_path: Path) -> None:
    """A path that is not there is a usage error, a damaged file InvalidMetrics, each with the path."""
    good = write("good", rows())
    (tmp_path / "bad.json").write_text('{"epochs": [{"epoch": 1, "tr')
    (tmp_path / "nothing").mkdir()

    with pytest.raises(UsageError, match=r"gone/metrics\.json"):
        nbtrain.compare(good, "gone/metrics.json")
    with pytest.raises(InvalidMetrics, match=r"bad\.json"):
        nbtrain.compare(good, "bad.json")
    with pytest.raises(InvalidMetrics, match="nothing"):
        nbtrain.compare(good, "nothing")
    with pytest.raises(UsageError, match="One side"):
        nbtrain.compare(good)


def test_the_terminal_prints_one_object_and_ends_with_zero(write: Writer, tmp_path: Path) -> None:
    """nbtrain compare --json prints the contract's object alone; a missing file ends with 2."""
    a, b = write("a", rows(0.7)), write("b", rows(0.8))
    words = [
        sys.executable,
        "-m",
        "nbtrain",
        "compare",
        "--baseline",
        str(a),
        "--optimized",
        str(b),
        "--json",
    ]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    missing = subprocess.run([*words[:-2], "no.json", "--json"], capture_output=True, text=True, cwd=tmp_path)

    assert done.returncode == 0
    assert json.loads(done.stdout)["verdict"] == "better"
    assert missing.returncode == 2
    assert json.loads(missing.stdout)["error"] == "UsageError"
