"""Tests of the commands that find runs: status, report, runs, stop and their kin."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.errors import RunNotFound, UsageError, UserError

NOTEBOOK = Context(namespace={})
TERMINAL = Context()


def do(verb: str, *words: str, context: Context = NOTEBOOK) -> Any:
    return command(verb).run(parse(command(verb), list(words)), context)


def begin(objects: dict[str, Any], **options: Any) -> Any:
    import copy

    return nbtrain.train(
        copy.deepcopy(objects["model"]), objects["train_loader"], **{"no_val": True, "epochs": 1, **options}
    )


@pytest.fixture
def endless(objects: dict[str, Any]) -> Any:
    """A run that trains until it is stopped."""
    return begin(objects, epochs=10**6, name="endless")


def test_without_any_run_it_says_so() -> None:
    """A notebook is told how to start one, a terminal to look elsewhere."""
    with pytest.raises(
        RunNotFound, match=r"none in this kernel, none in the folder `runs`. %train starts one"
    ):
        do("status")
    with pytest.raises(RunNotFound, match=r"No run yet: none in the folder `runs`. Name another .*--dir"):
        do("status", context=TERMINAL)


def test_a_word_finds_the_run(objects: dict[str, Any]) -> None:
    """A run is found by id, by the beginning of its id, by name, by folder; without a word the newest."""
    first = begin(objects, name="first").wait(60)
    second = begin(objects, name="second").wait(60)

    assert do("status") is second
    for word in (first.id, first.id[:-2], "first", str(first.dir)):
        assert do("status", word) is first


def test_what_another_kernel_trained_is_read_from_disk(
    objects: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing in this kernel, status and report read the newest folder; --dir names another."""
    from nbtrain.running import active

    run = begin(objects, dir="elsewhere").wait(60)
    monkeypatch.setattr(active, "_runs", [])

    stored = do("status", "--dir", "elsewhere", context=TERMINAL)
    assert (stored.id, str(stored.status)) == (run.id, "completed")
    assert run.id in do("report", "--dir", "elsewhere").to_text()


def test_an_unknown_run_names_the_nearest(objects: dict[str, Any]) -> None:
    """A mistyped id gets the id that was probably meant."""
    run = begin(objects).wait(60)

    with pytest.raises(RunNotFound, match=re.escape(run.id)):
        do("status", run.id[:-1] + "_")


def test_runs_lists_this_kernel_and_the_disk(objects: dict[str, Any]) -> None:
    """The table holds the folder's runs and those this kernel trained into other folders, newest first."""
    first = begin(objects).wait(60)
    second = begin(objects, dir="elsewhere").wait(60)

    assert set(do("runs").index) == {first.id, second.id}
    assert list(nbtrain.runs("elsewhere").index) == [second.id]
    assert list(do("runs", context=TERMINAL).index) == [first.id]
    assert set(nbtrain.runs().index) == {first.id, second.id}


def test_runs_of_no_folder_is_an_empty_table() -> None:
    """Nothing trained yet is no error."""
    assert len(nbtrain.runs()) == 0


def test_the_controls_reach_the_run(endless: Any) -> None:
    """pause, resume, save and stop without a word mean the run that trains, and say which."""
    assert endless.id in do("pause")
    assert endless.id in do("resume")
    assert endless.id in do("save")
    assert endless.id in do("stop", "--after", "epoch")

    assert endless.wait(60).status == "stopped"
    assert len(endless.checkpoints.all()) > 0


def test_several_living_runs_are_listed(endless: Any, objects: dict[str, Any]) -> None:
    """stop without a name does not guess between two; with a name it stops that one."""
    other = begin(objects, epochs=10**6, name="other")

    with pytest.raises(UsageError, match=r"2 runs are training: .*endless-.*other-") as caught:
        do("stop")
    assert f"%train stop {other.id}" in str(caught.value)

    do("stop", "other")
    assert other.wait(60).status == "stopped"
    assert endless.status.alive


def test_what_is_over_cannot_be_stopped(objects: dict[str, Any]) -> None:
    """A run that ended is not said to be stopping."""
    run = begin(objects).wait(60)

    with pytest.raises(RunNotFound, match=r"No run is training in this kernel"):
        do("stop")
    with pytest.raises(UsageError, match=f"Run {run.id} is completed: there is nothing to stop"):
        do("stop", run.id)


def test_a_terminal_stops_by_a_file(endless: Any) -> None:
    """In a terminal stop finds the living run on disk and leaves the STOP file that ends it."""
    assert endless.id in do("stop", context=TERMINAL)
    assert endless.wait(60).status == "stopped"
    assert "STOP file" in endless.stop_reason


def test_a_terminal_cannot_pause(endless: Any) -> None:
    """What only the training process can do is refused, and it is said where to do it."""
    with pytest.raises(UserError, match=r"cannot be paused here. Do it in the notebook that trains it"):
        do("pause", context=TERMINAL)


def test_a_run_elsewhere_is_not_stopped_unnamed(endless: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook without a run of its own names another process' run, and stops it only by its id."""
    from nbtrain.running import active

    with monkeypatch.context() as other_kernel:
        other_kernel.setattr(active, "_runs", [])
        with pytest.raises(RunNotFound, match=f"name it: %train stop {endless.id}"):
            do("stop")
        do("stop", endless.id)
    assert endless.wait(60).status == "stopped"


def test_report_tells_what_a_run_came_to(objects: dict[str, Any]) -> None:
    """report is the Training Complete document, of the newest run or of one that is named."""
    run = begin(objects).wait(60)

    assert "Training Complete" in do("report").to_text()
    assert do("report", run.id).to_dict()["run_id"] == run.id


def test_load_run_reads_a_run_back(objects: dict[str, Any]) -> None:
    """nbtrain.load_run gives the history that the run had."""
    run = begin(objects).wait(60)

    assert nbtrain.load_run(run.id).history["train_loss"].tolist() == pytest.approx(
        run.history["train_loss"].tolist()
    )
    assert nbtrain.load_run(Path("runs") / run.id).id == run.id


def test_explain_tells_of_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule's page has its sections; without a rule or with an unknown one the next step is said."""
    assert "Why it hurts" in do("explain", "adam-lr-too-high").to_text()
    with pytest.raises(UsageError, match=r"%train explain adam-lr-too-high"):
        do("explain")
    monkeypatch.setattr("sys.stdin", None)  # nothing is piped in
    with pytest.raises(UsageError, match=r"nbtrain explain adam-lr-too-high"):
        do("explain", context=TERMINAL)
    with pytest.raises(UsageError, match=r"adam-lr-too-high"):
        do("explain", "adam-lr-to-high")


def test_wait_waits_until_the_run_is_over(objects: dict[str, Any]) -> None:
    """wait returns once the run is over, and says how it ended; one that is over already is no mistake."""
    run = begin(objects, epochs=3)
    said = do("wait")

    assert run.is_over and said.startswith(f"{run.id} is over: completed at step {run.progress.step} after ")
    assert do("wait") == do("wait", run.id) == said
    with pytest.raises(RunNotFound, match="No run is training in this kernel"):
        do("stop")


def test_wait_without_any_run_says_so() -> None:
    """Nothing to wait for is told like nothing to stop."""
    with pytest.raises(RunNotFound, match=r"No run is training in this kernel. %train status shows the last"):
        do("wait")


def test_pause_and_resume_say_what_is_so_already(endless: Any) -> None:
    """A run that does not wait is not said to go on, one that waits is not said to pause."""
    assert f"{endless.id} was not paused: it trains, at step " in do("resume")
    assert "Pausing" in do("pause")
    assert f"{endless.id} is paused already, at step " in do("pause")
    assert do("resume") == f"{endless.id} goes on."


def test_a_report_from_disk_has_the_numbers_of_the_live_one(objects: dict[str, Any]) -> None:
    """report.md, the live report and the one of a fresh kernel say the same, throughput too."""
    from nbtrain.commands.finish import completion

    run = begin(objects, epochs=3).wait(60)
    stored = completion(nbtrain.load_run(run.dir)).to_markdown()
    assert stored == completion(run).to_markdown() == (run.dir / "report.md").read_text()
    assert "samples/s" in stored
