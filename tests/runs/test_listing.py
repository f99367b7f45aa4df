"""Runs, listed and found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbtrain.errors import RunNotFound
from nbtrain.runs.listing import TABLE_COLUMNS, find_run, newest_run, runs_table
from nbtrain.runs.store import RunFolder
from nbtrain.runs.stored import StoredRun


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three finished runs: digits, digits again, and 'my run'."""
    folder = tmp_path / "runs"
    for index, name in enumerate(("digits", "digits", "my run")):
        run = RunFolder.create(folder, name, {"created_at": f"2026-01-0{index + 1}T00:00:00.000Z"})
        results = {"final_val_loss": 0.1 * index, "total_steps": 10 * index, "best_epoch": 2}
        run.write_manifest(status="completed", training_results=results, progress={"epoch": 3})
        run.close()
    return folder


def test_runs_are_listed_newest_first(root: Path) -> None:
    """The table has one row a run, newest first, with status, losses and folder."""
    table = runs_table(root)

    assert list(table.columns) == list(TABLE_COLUMNS)
    assert list(table["name"]) == ["my run", "digits", "digits"]
    assert list(table["steps"]) == [20, 10, 0]
    assert set(table["status"]) == {"completed"}
    assert table["val_loss"].iloc[0] == pytest.approx(0.2)
    assert table.index.name == "run_id"
    assert all(Path(folder).name == run_id for run_id, folder in table["dir"].items())
    assert str(table["created_at"].iloc[0]) == "2026-01-03 00:00:00+00:00"


def test_what_is_no_run_is_not_listed_and_damage_is_shown(root: Path) -> None:
    """Foreign folders are left out; a run with a damaged manifest is shown as unreadable."""
    (root / "notes").mkdir()
    (root / ".tmp-digits").mkdir()
    (root / "file").touch()
    newest = newest_run(root)
    (newest / "manifest.json").write_text("{")
    table = runs_table(root)

    assert len(table) == 3
    assert table.loc[newest.name, "status"] == "unreadable"


def test_no_runs_is_an_empty_table(tmp_path: Path) -> None:
    """No folder, an empty folder and a file give an empty table with the same columns."""
    (tmp_path / "file").touch()
    for root in (tmp_path / "none", tmp_path, tmp_path / "file"):
        assert list(runs_table(root).columns) == list(TABLE_COLUMNS)
        assert len(runs_table(root)) == 0


def test_a_run_is_found_by_what_a_person_calls_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Id, unique beginning, name (the newest of it) and folder all find the run."""
    table = runs_table(root)
    mine, newer, older = (root.resolve() / run_id for run_id in table.index)
    monkeypatch.chdir(root.parent)

    for key in (
        mine.name,
        "my-run",
        "my run",
        str(mine),
        mine,
        f"runs/{mine.name}",
        str(mine / "manifest.json"),
    ):
        assert find_run(root, key) == mine
    assert find_run(root, "digits") == newer
    assert find_run(root, older.name) == older
    assert newest_run(root) == root / mine.name
    assert newest_run(root, "digits") == root / newer.name
    assert newest_run(root, "none") is None


def test_an_ambiguous_beginning_lists_the_runs(root: Path) -> None:
    """A beginning that fits several runs is refused with their ids."""
    with pytest.raises(RunNotFound, match="2 runs begin with 'digit'") as caught:
        find_run(root, "digit")
    assert len(caught.value.details["candidates"]) == 2
    assert caught.value.exit_status == 2


def test_an_unknown_run_is_told_with_the_nearest(root: Path) -> None:
    """A typo gets the nearest id, something else the newest ids, an empty folder the way on."""
    run_id = runs_table(root).index[0]
    with pytest.raises(RunNotFound, match=f"Did you mean '{run_id}'"):
        find_run(root, run_id[:-1] + "z")
    with pytest.raises(RunNotFound, match="newest are"):
        find_run(root, "???")
    with pytest.raises(RunNotFound, match="There are no runs"):
        find_run(root / "none", "x")
    with pytest.raises(RunNotFound, match=r"holds no manifest\.json"):
        find_run(root, str(root.parent))


@pytest.mark.parametrize("key", ["../x", "..", "/etc", "%2e%2e", "a\0b", "", "../secret", "-rf", "x" * 9999])
def test_no_key_leads_out_of_the_folder(root: Path, key: str) -> None:
    """Traversal, absolute paths and NUL find nothing, also where a run lies out there."""
    run = RunFolder.create(root.parent, "secret")
    run.close()
    (root.parent / "secret").symlink_to(run.path)
    with pytest.raises(RunNotFound):
        find_run(root, key, allow_dir=False)


def test_a_link_out_of_the_folder_is_refused(root: Path) -> None:
    """A run id that is a link to a folder elsewhere is not followed."""
    run = RunFolder.create(root.parent / "elsewhere", "secret")
    run.close()
    (root / "linked").symlink_to(run.path)
    with pytest.raises(RunNotFound, match="leads out"):
        find_run(root, "linked")


def test_an_interrupted_run_is_listed_with_what_it_had_done(tmp_path: Path) -> None:
    """Of a run whose process is gone, list and run tell the steps, epochs, losses and hours it wrote."""
    run = RunFolder.create(tmp_path, "killed")
    run.write_manifest(status="running", progress={"step": 0, "epoch": 1, "elapsed_s": 0.0})
    run.append_steps([{"step": step, "train_loss": 1.0 / step} for step in range(1, 8)])
    epochs = [{"epoch": 1, "step": 3, "val_loss": 0.5}, {"epoch": 2, "step": 6, "val_loss": 0.7}]
    run.write_epochs([{**row, "train_loss": 0.4, "epoch_time_s": 90.0} for row in epochs])
    run.close()
    manifest = run.path / "manifest.json"
    gone = {**json.loads(manifest.read_text()), "owner": None}
    manifest.write_text(json.dumps(gone))

    row = runs_table(tmp_path).loc[run.id]
    progress = StoredRun(run.path).progress

    assert (row["status"], row["steps"], row["epochs"]) == ("interrupted", 7, 2)
    assert (row["train_loss"], row["val_loss"], row["best_val_loss"], row["best_epoch"]) == (0.4, 0.7, 0.5, 1)
    assert row["hours"] == pytest.approx(180 / 3600, abs=60 / 3600)
    assert progress.step == 7 and progress.elapsed_s == pytest.approx(180, abs=60)
