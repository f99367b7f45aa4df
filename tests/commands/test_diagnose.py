"""diagnose: a run, living or stored, or a file; the report written, the change written, what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError

ROOT = Path(nbtrain.__file__).parents[1]
CASES = ROOT / "tests" / "cases" / "diagnose"
BAD, GOOD = CASES / "overfitting" / "bad-gap.json", CASES / "loss-spikes" / "good-calm.json"


def do(*words: str, context: Context | None = None) -> Any:
    chosen = command("diagnose")
    return chosen.run(parse(chosen, list(words)), context or Context(namespace={}))


def shell(*words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "nbtrain", "diagnose", *words]
    return subprocess.run(line, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


@pytest.mark.parametrize("broken", [False, True])
def test_a_run_is_diagnosed_living_and_stored(objects: dict[str, Any], broken: bool) -> None:
    """`run.diagnose()`, `%train diagnose`, by id and from disk say the same, also of a run that was lost."""
    if broken:
        x, _ = objects["train_loader"].dataset.tensors
        x[3] = float("nan")
    run = nbtrain.train(
        objects["model"],
        objects["train_loader"],
        val=objects["val_loader"],
        optimizer=objects["optimizer"],
        loss=objects["criterion"],
        epochs=4,
        name="tiny",
    )
    run.wait(60)
    living, stored = run.diagnose(), nbtrain.load_run(run.id).diagnose()
    found = [
        living,
        stored,
        do(),
        do(run.id),
        do("tiny"),
        nbtrain.diagnose(run.dir),
        nbtrain.diagnose(run.id),
    ]

    assert {one.primary for one in found} == {"nan-loss" if broken else living.primary}
    assert [one.check for one in living.findings] == [one.check for one in stored.findings]
    assert living.history.hints.batch_size == 16 and living.history.hints.optimizer == "SGD"
    known = replace(living.history.hints, optimizer_name="")  # names live in a kernel alone
    assert stored.history.hints == known
    if not broken:
        assert living.facts.epochs == 4 and len(living.history.steps) == 16


def test_a_run_that_trains_is_diagnosed_as_it_stands(objects: dict[str, Any]) -> None:
    """A diagnosis does not wait for the end and does not disturb the run."""
    run = nbtrain.train(objects["model"], objects["train_loader"], no_val=True, epochs=10**6, name="endless")
    found = run.diagnose()

    assert run.status.alive and found.history.name == run.id
    run.stop()
    run.wait(60)


def test_rows_and_tables_are_histories() -> None:
    """A list of dicts and a DataFrame, as any loop of one's own keeps them, need no file."""
    rows = json.loads(BAD.read_text())["epochs"]

    assert nbtrain.diagnose(rows).primary == "overfitting"
    assert nbtrain.diagnose(pd.DataFrame(rows)).primary == "overfitting"
    assert nbtrain.diagnose({"epochs": rows}).primary == "overfitting"


def test_the_terminal_prints_one_object_and_its_status(tmp_path: Path) -> None:
    """--json prints one object; 0 if nothing is critical, 1 if something is or it is none, 2 for usage."""
    torn = tmp_path / "torn.json"
    torn.write_text('{"epochs": [')
    answers = {
        "warning": (shell("--metrics", str(BAD), "--json"), 0),
        "healthy": (shell("--metrics", str(GOOD), "--json"), 0),
        "critical": (shell("--metrics", str(CASES / "nan-loss" / "bad-one-epoch.json"), "--json"), 1),
        "torn": (shell("--metrics", str(torn), "--json"), 1),
        "absent": (shell("--metrics", str(tmp_path / "absent.json"), "--json"), 2),
    }
    data = {}
    for name, (answer, status) in answers.items():
        assert answer.returncode == status, (name, answer.stderr)
        data[name] = json.loads(answer.stdout)
    assert data["warning"]["primary"] == "overfitting" and data["healthy"]["primary"] is None
    assert data["critical"]["primary"] == "nan-loss"
    assert data["torn"]["error"] == "InvalidMetrics" and data["absent"]["error"] == "UsageError"


def test_a_file_is_diagnosed_without_torch() -> None:
    """A diagnosis of a file needs no torch: it is said in a second."""
    code = (
        f"import sys, nbtrain; nbtrain.diagnose({str(BAD)!r}).to_markdown(); sys.exit('torch' in sys.modules)"
    )

    assert (
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}).returncode
        == 0
    )


def test_report_and_change_are_written(tmp_path: Path) -> None:
    """--output writes the report, --apply the change beside it under a free name; the report says where."""
    report = tmp_path / "out" / "diagnostic_report.md"
    do("--metrics", str(BAD), "--output", str(report), "--apply")
    do("--metrics", str(BAD), "--output", str(report), "--apply")

    assert sorted(path.name for path in report.parent.glob("*.yaml")) == [
        "optimization-2.yaml",
        "optimization.yaml",
    ]
    assert "optimization-2.yaml" in report.read_text()


def test_the_metrics_beside_a_baseline_are_taken(tmp_path: Path) -> None:
    """With --baseline alone the metrics beside that report are diagnosed, as a run's folder has them."""
    (tmp_path / "run" / "logs").mkdir(parents=True)
    (tmp_path / "run" / "logs" / "metrics.json").write_text(BAD.read_text())
    (tmp_path / "run" / "R.md").write_text("# Baseline\n\n| Batch size | 32 |\n")
    found = do("--baseline", str(tmp_path / "run" / "R.md"))

    assert found.primary == "overfitting" and found.history.hints.batch_size == 32


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    """Two things at once, a baseline that is not there, a change where none is recommended."""
    with pytest.raises(UsageError, match="Two things to diagnose"):
        do("digits", "--metrics", str(BAD))
    with pytest.raises(UsageError, match="no baseline report"):
        do("--metrics", str(BAD), "--baseline", str(tmp_path / "none.md"))
    with pytest.raises(UsageError, match="recommends none"):
        do("--metrics", str(GOOD), "--apply")
    assert not list(Path().glob("*.yaml")), "nothing half written"


def test_the_page_of_a_check_is_shown_with_its_limits() -> None:
    """`explain ID` shows the page of each finding, and how a diagnosis judges it."""
    explain = command("explain")
    for name in ("overfitting", "leakage", "seeds-disagree"):
        text = explain.run(parse(explain, [name]), Context(namespace={})).to_markdown()
        assert "How a diagnosis judges it" in text and "What not to do" in text
