"""Exact resume in a fresh process: the run that was interrupted against the one that was not, bit for bit."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("resume_cases.py")
Cases = dict[str, dict[str, Any]]
GRID: Cases = {
    f"{workers} workers, accumulate {accumulate}, {scheduler}, {precision}, {stop}, seed {seed}": {
        "workers": workers, "accumulate": accumulate, "scheduler": scheduler, "precision": precision,
        "stop": stop, "seed": seed, "generator": accumulate == 2,
    }
    for workers, accumulate, scheduler, precision, stop, seed in itertools.product(
        (0, 2), (1, 2), ("none", "one-cycle", "step", "plateau"), ("32", "bf16"), ("mid-epoch", "epoch end"),
        (None, 5),
    )
}  # fmt: skip
# each value of each factor at least twice, and each way of losing exactness that was found on the way
COMPACT = {
    "2 workers, accumulate 2, one-cycle, bf16, mid-epoch, seed 5",
    "2 workers, accumulate 1, none, 32, mid-epoch, seed None",
    "0 workers, accumulate 1, plateau, 32, mid-epoch, seed None",
    "0 workers, accumulate 2, step, bf16, epoch end, seed None",
    "0 workers, accumulate 1, one-cycle, 32, mid-epoch, seed 5",
}


def run_script(word: str, folder: Path, cases: Cases) -> None:
    listed = folder / "cases.json"
    listed.write_text(json.dumps(cases))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), word, str(folder), str(listed)],
        capture_output=True, text=True, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def compare(folder: Path, cases: Cases) -> None:
    for name in cases:
        (folder / name).mkdir(parents=True)
    run_script("begin", folder, cases)
    run_script("resume", folder, cases)
    for name in cases:
        whole, resumed = (
            json.loads((folder / name / f"{which}.json").read_text()) for which in ("whole", "resumed")
        )
        for key in whole.keys() - {"replayed"}:
            assert resumed[key] == whole[key], (name, key)
        assert resumed["status"] == "completed"
        done_again = ["replayed 3 steps, bit-identical"] if cases[name]["stop"] == "crash" else []
        assert resumed["replayed"] == done_again, name
        assert len(whole["losses"]) > 8


def test_a_resumed_run_is_the_undisturbed_one(tmp_path: Path) -> None:
    """Weights, losses, rates, rows and generators are the same bits after a resume in a fresh process."""
    extra = {
        "persistent workers": {"workers": 2, "stop": "mid-epoch", "persistent": True, "seed": 5},
        "crash": {"workers": 0, "stop": "crash", "scheduler": "one-cycle"},
        "crash of workers": {"workers": 2, "stop": "crash", "accumulate": 1, "precision": "bf16"},
        "other number of workers": {"workers": 0, "stop": "mid-epoch", "seed": 5, "then": {"workers": 2}},
    }
    compare(tmp_path, {name: GRID[name] for name in sorted(COMPACT)} | extra)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_whole_grid(tmp_path: Path) -> None:
    """As above, for every combination of workers, accumulation, schedule, precision, stop and seed."""
    compare(tmp_path, GRID)
