"""The end of a run: what the report and the picture say in every way a run can end."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from nbtrain.diagnose.completion import completion_report, run_poster
from nbtrain.findings import Finding, Severity
from nbtrain.report.poster import draw_poster, poster_text
from nbtrain.runs.manifest import Manifest
from nbtrain.runs.status import Progress, RunStatus
from nbtrain.runs.store import RunFolder
from nbtrain.runs.stored import StoredRun
from tests.diagnose.conftest import NO_STEPS, RecordedRun, falling, rising_accuracy, steps, table

TRACEBACK = (
    'Traceback (most recent call last):\n  File "cell 4", line 2, in forward\n'
    "RuntimeError: <b>shapes</b> differ"
)

CASES = Path(__file__).resolve().parents[1] / "cases" / "diagnose"


@pytest.fixture
def run(tmp_path: Path) -> RecordedRun:
    """Give a completed run of 20 epochs, best at epoch 20, with checkpoints on disk."""
    frame = table(
        step=np.arange(45, 901, 45), train_loss=falling(20, 0.05), val_loss=falling(20, 0.09),
        train_acc=rising_accuracy(20, 0.99), val_acc=rising_accuracy(20, 0.98), lr=np.full(20, 1e-3),
        val_f1=rising_accuracy(20, 0.9),
    )  # fmt: skip
    history = steps(falling(900, 0.05, noise=0.1), lr=np.full(900, 1e-3), grad_norm=np.ones(900))
    (tmp_path / "checkpoints" / "step-00000900").mkdir(parents=True)
    return RecordedRun(frame, history, dir=tmp_path, latest={"best_val_loss": 0.105, "best_val_step": 900})


def test_training_complete_names_every_number(run: RecordedRun) -> None:
    """Steps, final train loss, best validation loss with its step, time, throughput, folders: all there."""
    text = completion_report(run).to_text(400)

    said = [
        "Training Complete: digits", "0.0673", "0.105", "at step 900", "42.0 s", "5,120 samples/s",
        "Converged",         str(run.dir / "checkpoints" / "step-00000900"), str(run.dir / "logs"),
    ]  # fmt: skip
    assert [part for part in said if part not in text] == []


def test_the_assessment_repeats_no_headline(run: RecordedRun) -> None:
    """What the headline says is said once; the evidence behind it, and what it does not say, follow."""
    rest = completion_report(run, curves=False).to_text(400)
    assert rest.count("Converged") == 1 and "Assessment" not in rest

    gap = run.epochs.assign(val_acc=run.epochs.train_acc - 0.3)
    overfitted = completion_report(replace(run, epochs=gap), curves=False).to_text(400)
    assert overfitted.count("points above validation accuracy") == 1
    assert "Mean of the last 3 epochs" in overfitted or "mean of the last 3 epochs" in overfitted

    more = run.epochs.assign(val_loss=np.linspace(3, 1, 20), train_loss=np.linspace(3, 1, 20))
    more = more.drop(columns=["train_acc", "val_acc"])
    going = completion_report(replace(run, epochs=more, history=NO_STEPS), curves=False).to_text(400)
    assert going.count("still falling at the end") == 1


@pytest.mark.parametrize(("samples", "kind"), [(400, "underfitting"), (6, "converged"), (None, "unclear")])
def test_a_stored_run_gets_the_verdict_of_the_live_one(
    tmp_path: Path, samples: int | None, kind: str
) -> None:
    """The number of validation samples is in the manifest: what an accuracy counts is known there too."""
    accuracy = np.array([0.2, 0.3, 0.35, 0.37, 0.38, 0.38, 0.37, 0.38, 0.38, 0.38])
    accuracy = (np.round(accuracy * 400) + np.arange(10) % 2) / 400
    loss = falling(10, 1.0)
    frame = table(
        step=np.arange(10, 101, 10), train_loss=loss, val_loss=loss, train_acc=accuracy, val_acc=accuracy
    )
    folder = RunFolder.create(tmp_path, "letters", {"dataset": {"valid_samples": samples}})
    folder.write_epochs(frame.to_dict("records"))
    folder.write_manifest(status="completed")
    live = RecordedRun(frame, NO_STEPS, manifest=folder.manifest)
    folder.close()
    stored = StoredRun.load(tmp_path, folder.path)

    assert completion_report(live, curves=False).to_dict()["outcome"] == kind
    assert completion_report(stored, curves=False).to_dict()["outcome"] == kind


def test_curves_can_be_left_out(run: RecordedRun) -> None:
    """Beside the picture of the run the report repeats no curve."""
    assert "<img" in completion_report(run).to_html()
    assert "<img" not in completion_report(run, curves=False).to_html()


def test_data_for_programs_is_strict_json(run: RecordedRun) -> None:
    """The same numbers come as JSON, non-finite ones as strings."""
    run.latest["best_val_loss"] = math.inf
    data = json.loads(json.dumps(completion_report(run).to_dict(), allow_nan=False))

    assert data["total_steps"] == 900 and data["outcome"] == "converged" and data["status"] == "completed"
    assert data["best_val_loss"] == pytest.approx(run.epochs.val_loss.min()) and data["best_val_step"] == 900


@pytest.mark.parametrize("status", list(RunStatus))
def test_every_ending_has_its_title_and_picture(run: RecordedRun, status: RunStatus) -> None:
    """Whatever the status, report and poster say it and can be shown in every form."""
    run.status = status
    run.error = TRACEBACK if status is RunStatus.FAILED else None
    report, poster = completion_report(run), run_poster(run)

    assert report.title.startswith("Training ") and report.title.endswith(": digits")
    assert poster.status == str(status) and str(status) in poster_text(poster)
    assert report.to_markdown() and report.to_dict()["status"] == str(status)


def test_a_failed_run_shows_the_persons_traceback(run: RecordedRun) -> None:
    """The exception is the headline, the traceback is there as text, and no advice on curves is given."""
    failed = replace(run, status=RunStatus.FAILED, error=TRACEBACK, epochs=pd.DataFrame(), history=NO_STEPS)
    failed.progress, failed.latest = Progress(0, 900, 1, 20), {}
    report = completion_report(failed)
    page = BeautifulSoup(report.to_html(), "html5lib")

    assert report.tone == "critical" and "RuntimeError: <b>shapes</b> differ" in report.headline
    assert page.select_one("pre").get_text() == TRACEBACK and page.b is None
    assert "Recommendations" not in [section.title for section in report.sections]
    assert "RuntimeError" in run_poster(failed).findings[0][1]


def test_a_stopped_run_says_where_and_why(run: RecordedRun) -> None:
    """Step and reason of the stop come before the verdict."""
    run.status, run.stop_reason = RunStatus.STOPPED, "stop() was called"

    assert completion_report(run).headline.startswith("Stopped at step 900 (stop() was called). Converged")


@pytest.mark.parametrize(
    ("status", "reason", "says"),
    [
        (RunStatus.STOPPED, "stopped by hand", "Let it train to its end: 285 of the 300 planned epochs"),
        (RunStatus.RUNNING, "", "Let it train to its end: 285 of the 300 planned epochs are left"),
        (RunStatus.COMPLETED, "early stopping: no better validation loss", "Give it more patience"),
        (RunStatus.COMPLETED, "", "Train longer: --epochs 30"),
    ],
)
def test_advice_knows_how_the_run_ended(
    run: RecordedRun, status: RunStatus, reason: str, says: str
) -> None:
    """Whom somebody stopped at 15 of 300 epochs is not told to train 30, nor is who ran out of patience."""
    run.epochs = table(
        step=np.arange(1, 16), train_loss=np.linspace(2.3, 1.5, 15), val_loss=np.linspace(2.3, 1.6, 15),
        lr=np.full(15, 1e-3),
    )  # fmt: skip
    run.history = steps(np.linspace(2.3, 1.5, 15))
    run.status, run.stop_reason = status, reason
    planned = 300 if says[:5] != "Train" else 15
    run.progress = Progress(15, planned, 15, planned, 1, "done", 42.0, None, 5120.0, 21.0)
    advice = completion_report(run).to_dict()["recommendations"]

    longer = [text for text in advice if "train" in text.lower() and ("epochs" in text)]
    assert longer and longer[0].startswith(says), advice
    assert sum("--epochs" in text for text in advice) == (planned == 15)


def test_a_diverged_run_marks_where(run: RecordedRun) -> None:
    """The first step without a number is in the headline and marked on the loss; the axis is logarithmic."""
    loss = run.history.train_loss.to_numpy().copy()
    loss[700:800], loss[800:] = np.geomspace(0.1, 1e6, 100), math.nan
    diverged = replace(run, status=RunStatus.DIVERGED, history=run.history.assign(train_loss=loss))
    poster = run_poster(diverged)

    assert poster.findings[0] == ("critical", "Diverged: the loss became NaN or infinite at step 801.")
    assert [mark.x for mark in poster.figure.axes[0].marks if mark.tone == "critical"] == [801]
    assert poster.figure.axes[0].log_y


def test_further_metrics_are_plotted(run: RecordedRun) -> None:
    """A metric nobody foresaw has its plot; accuracy and loss come first."""
    titles = [axes.title for axes in run_poster(run).figure.axes]

    assert titles == ["Loss", "Accuracy (%)", "f1", "Gradient norm"]


def test_alerts_are_listed_and_counted(run: RecordedRun) -> None:
    """Each kind of alert is one line of the picture, the worst first; the report has them all."""
    spike = Finding("loss-spike", Severity.WARNING, "Loss <jumped>.", step=10)
    run.alerts = [
        spike,
        replace(spike, step=20),
        Finding("dead", Severity.CRITICAL, "Gradients are zero.", step=30),
    ]
    lines = run_poster(run).findings

    assert lines[-3:] == (
        ("critical", "Step 30: Gradients are zero."),
        ("warning", "Step 10: Loss <jumped>. (2 times)"),
        ("muted", "What it means and what to do: `%train explain loss-spike`."),
    )
    text = completion_report(run).to_markdown()
    assert "Alerts while training (3)" in text and "nbtrain explain ID" in text


@pytest.mark.parametrize("case", ["exploding-gradients/bad-grows", "overfitting/bad-gap"])
def test_the_end_of_a_run_names_what_its_diagnosis_acts_on_first(run: RecordedRun, case: str) -> None:
    """Where the verdict on the curves is silent, the report says what `run.diagnose()` names first."""
    rows = json.loads((CASES / f"{case}.json").read_text())["epochs"]
    report = completion_report(replace(run, epochs=pd.DataFrame(rows)))
    wanted = case.partition("/")[0]
    silent = wanted not in {finding["rule"] for finding in report.data["findings"]}

    assert report.data["primary"] == wanted
    assert (f"To act on first: {wanted}" in report.to_markdown()) == silent


def test_a_run_without_folder_or_numbers_is_reported() -> None:
    """Nothing kept and nothing trained is said, not an error."""
    empty = RecordedRun(pd.DataFrame(), pd.DataFrame(), progress=Progress())

    text = completion_report(empty).to_text()
    assert "nothing was written" in text and "No epoch was finished" in text
    assert Image.open(io.BytesIO(draw_poster(run_poster(empty)))).width == 2000


def test_a_long_history_becomes_a_small_figure() -> None:
    """A million steps give curves of at most a few thousand points, the outlier among them."""
    loss = falling(1_000_000, noise=0.1)
    loss[500_000] = 50.0
    raw = run_poster(RecordedRun(table(train_loss=falling(5)), steps(loss))).figure.axes[0].series[0]

    assert raw.style == "faint" and len(raw.x) <= 2402 and max(raw.y) == 50.0


def test_the_description_of_the_curves_has_their_numbers(run: RecordedRun) -> None:
    """Who cannot see the picture is told from where to where each curve went."""
    alt = run_poster(run).figure.alt

    assert "train loss from 2.05 to 0.0673;" in alt and "best 0.1073 at step 900" in alt
    assert "validation accuracy 97.7 %" in alt


EVENTS = (
    {"at": "2026-01-01T10:00:00.000Z", "kind": "lr", "step": 300, "from": 0.001, "to": 0.0005},
    {"at": "2026-01-01T10:05:00.000Z", "kind": "epochs", "step": 500, "from": 20, "to": 30},
)


def test_changes_by_hand_are_marked_and_listed(run: RecordedRun) -> None:
    """The loss is marked at each change, the learning rate at its own; the report lists them."""
    changed = replace(run, manifest=Manifest(events=EVENTS))
    figure = run_poster(changed).figure
    marks = {axes.title: [(mark.x, mark.label) for mark in axes.marks] for axes in figure.axes}
    report = completion_report(changed, curves=False)

    assert marks["Loss"][1:] == [(300, "lr 0.001 → 5e-4"), (500, "epochs 20 → 30")]
    assert [mark for title in marks if title == "Learning rate" for mark in marks[title]] in (
        [], [(300, "lr 0.001 → 5e-4")],
    )  # fmt: skip
    assert "Changed while it ran" in report.to_text()
    assert report.to_dict()["events"] == [dict(event) for event in EVENTS]
    assert draw_poster(run_poster(changed))
    assert "Changed while it ran" not in completion_report(run, curves=False).to_text()


def test_very_many_changes_stay_readable(run: RecordedRun) -> None:
    """A rate set at each step by a cell: the newest are marked, five named, the table cut with a count."""
    events = tuple({**EVENTS[0], "step": step} for step in range(1, 900))
    changed = replace(run, manifest=Manifest(events=events))
    loss = run_poster(changed).figure.axes[0]

    assert len(loss.marks) == 41
    assert sum(bool(mark.label) for mark in loss.marks) == 6
    assert "879 more" in completion_report(changed, curves=False).to_text()


def test_bad_data_is_mended_before_any_setting(run: RecordedRun) -> None:
    """A diverged run whose autopsy names the batch is told to mend it; no rate, clipping or warm-up."""
    issue = "The inputs of batch 37 of epoch 2 is not finite: 1 NaN of 256 values: feature 3 of sample 17."
    found = Finding("nan-origin", Severity.CRITICAL, issue, step=81, details={"cause": "data"})
    rate = replace(found, details={"cause": "learning-rate"})
    diverged = replace(run, status=RunStatus.DIVERGED, alerts=[found])
    advice = completion_report(diverged).to_dict()["recommendations"]

    assert "Mend the data first" in advice[0] and "feature 3 of sample 17" in advice[0]
    assert not [said for said in advice if any(w in said for w in ("learning rate", "lip", "arm"))]
    other = completion_report(replace(diverged, alerts=[rate])).to_dict()["recommendations"]
    assert "learning rate" in other[0]


def test_a_failed_run_is_mended_before_it_goes_on(tmp_path: Path) -> None:
    """The error comes first, in the report and for programs; advice on curves is not given."""
    torch = pytest.importorskip("torch")
    folder = RunFolder.create(tmp_path, "digits", {})
    folder.checkpoints.save(45, {"w": torch.zeros(1)}, {}, epoch=1)
    folder.write_manifest(status="failed")
    folder.close()
    frame = table(train_loss=falling(5), val_loss=falling(5))
    failed = RecordedRun(frame, NO_STEPS, status=RunStatus.FAILED, error=TRACEBACK, dir=folder.path)
    failed.manifest = folder.manifest
    failed.checkpoints = StoredRun.load(tmp_path, folder.path).checkpoints
    advice = completion_report(failed).to_dict()["recommendations"]

    assert len(advice) == 2 and advice[1].startswith("Go on from step 45")
    assert advice[0].startswith("Mend the error first (`RuntimeError: <b>shapes</b> differ`)")
    del failed.checkpoints
    [alone] = completion_report(failed).to_dict()["recommendations"]
    assert "no checkpoint" in alone


def test_advice_on_a_followed_run_names_no_option(run: RecordedRun) -> None:
    """The manifest tells a loop of one's own: it is to run longer, and no option of %train is named."""
    falls = run.epochs.assign(val_loss=np.linspace(3, 1, 20), train_loss=np.linspace(3, 1, 20))
    loop = Manifest(hyperparameters={"loop": "the person's own"})
    advice = completion_report(replace(run, epochs=falls, history=NO_STEPS, manifest=loop)).to_dict()
    said = " ".join(advice["recommendations"])

    assert "Let your loop run longer" in said and "--" not in said and "%train" not in said


def test_a_followed_run_without_epochs_is_told_what_shows_them(run: RecordedRun) -> None:
    """A loop in which no epoch was seen to end is not advised to run for more of them."""
    loop = Manifest(hyperparameters={"loop": "the person's own"})
    advice = completion_report(replace(run, epochs=run.epochs.iloc[:0], manifest=loop)).to_dict()

    assert "the end of a loader is one" in " ".join(advice["recommendations"])


def test_optimizers_with_losses_of_their_own_get_no_verdict(run: RecordedRun) -> None:
    """Of a GAN's losses nothing is concluded; optimizers that share a loss, or take over, are judged."""
    losses = falling(400, 0.9)
    run.epochs = table(train_loss=falling(5, 0.9))

    def told(losses: np.ndarray, names: list[str]) -> str:
        run.history = steps(losses, optimizer=names)
        return completion_report(run, curves=False).to_text(400)

    rivals = told(np.where(np.arange(400) % 2, losses, 2 - losses), ["g_opt", "d_opt"] * 200)
    assert "Not judged: `g_opt` and `d_opt` follow losses of their own" in rivals
    assert "Converged" not in rivals and "nbtrain.log(" in rivals
    assert "Not judged" not in told(np.repeat(losses[:200], 2), ["rows", "dense"] * 200)
    assert "Not judged" not in told(losses, ["warm"] * 200 + ["main"] * 200)
