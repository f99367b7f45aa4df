"""Checkpoints written beside the training: what is saved, when, and what is left after a crash."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from setups import loader, net, same_weights

from nbtrain.commands.parse import parse
from nbtrain.commands.start import COMMAND
from nbtrain.errors import UsageError
from nbtrain.running import saver
from nbtrain.running.run import Run
from nbtrain.running.state import State
from nbtrain.runs.checkpoint import CheckpointStore
from nbtrain.runs.files import Files
from nbtrain.train.callbacks import checkpoint as checkpoint_module
from nbtrain.train.callbacks.checkpoint import Checkpoints

sys.path.insert(0, str(Path(__file__).parents[1] / "runs"))
from disk_model import POLICIES, ModelDisk

Train = Callable[..., Run]


def each_fsync(monkeypatch: pytest.MonkeyPatch, do: Callable[[], Any]) -> None:
    """Call `do` in the thread that brings a checkpoint's bytes to the disk, before it does."""
    original = Files.fsync

    def fsync(self: Files, handle: Any) -> None:
        do()
        original(self, handle)

    monkeypatch.setattr(Files, "fsync", fsync)


def sgd(model: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def test_the_training_goes_on_while_a_checkpoint_is_written(
    planned: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that waits for the next steps gets them; what it then holds is the state of the step saved."""
    model = net(dropout=0.3)
    run = planned(model, loader(), optimizer=sgd(model), epochs=2, checkpoint_every=4, seed=3)
    waited: list[tuple[int, int]] = []

    def wait_for_steps() -> None:
        if threading.current_thread().name != "nbtrain-checkpoints" or waited:
            return
        before, until = run.progress.step, time.monotonic() + 60
        while run.progress.step < 7 and time.monotonic() < until:
            time.sleep(0.002)
        waited.append((before, run.progress.step))

    each_fsync(monkeypatch, wait_for_steps)
    run.start().wait(120)
    short = net(dropout=0.3)
    planned(short, loader(), optimizer=sgd(short), epochs=2, max_steps=4, seed=3).start().wait(120)
    saved = next(info for info in run.checkpoints.all() if info.step == 4)
    weights, _ = run.checkpoints.load(saved)

    assert waited[0][1] in (7, 8)  # the next checkpoint, at 8, waits for this one
    assert all(torch.equal(weights[name], value) for name, value in short.state_dict().items())


def test_one_checkpoint_is_written_at_a_time_and_the_end_waits(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a save asked for at every step they follow each other, and when the run is over all are there."""
    inside, most = [0], [0]
    original = CheckpointStore.save

    def save(self: CheckpointStore, *args: Any, **keywords: Any) -> Any:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.01)
        try:
            return original(self, *args, **keywords)
        finally:
            inside[0] -= 1

    monkeypatch.setattr(CheckpointStore, "save", save)
    run = train(net(), loader(), epochs=2, checkpoint_every=1, keep=50)

    assert most == [1]
    assert {info.step for info in run.checkpoints.all()} == set(range(1, 15))
    log = (run.dir / "logs" / "training.log").read_text()
    assert "14 checkpoints saved: training paused" in log


def test_without_room_for_a_copy_the_training_waits_for_the_disk(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where memory is short, or the copy fails, the checkpoint is written in the training thread."""
    threads = []
    each_fsync(monkeypatch, lambda: threads.append(threading.current_thread().name))
    monkeypatch.setattr(saver, "there_is_room", lambda n_bytes: False)
    run = train(net(), loader(), epochs=1, checkpoint_every=2, keep=50)

    assert {info.step for info in run.checkpoints.all()} == {2, 4, 6, 7}
    assert "nbtrain-checkpoints" not in threads and threads


def test_a_failed_save_is_an_alert_and_that_step_is_saved_again(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the writing thread cannot do is said as before, and is no checkpoint; the next one is written."""
    failed = []

    def refuse_once() -> None:
        if threading.current_thread().name == "nbtrain-checkpoints" and not failed:
            failed.append(True)
            raise OSError(5, "Input/output error")

    each_fsync(monkeypatch, refuse_once)
    run = train(net(), loader(), epochs=1, checkpoint_every=3, keep=50)

    assert [info.step for info in run.checkpoints.all()] == [7, 6]
    (alert,) = [one for one in run.alerts if "could not be saved" in one.issue or "step 3" in one.issue]
    assert "Training goes on" in alert.issue


def test_a_recovery_goes_back_to_the_checkpoint_that_was_being_written(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who goes back to the last good state waits for the save under way, so that it is the newest one."""
    each_fsync(monkeypatch, lambda: time.sleep(0.05))
    batches = [list(batch) for batch in loader()]
    batches[4][0] = torch.full_like(batches[4][0], float("nan"))
    run = train(net(), batches, epochs=1, checkpoint_every=4, on_nan="recover")
    (event,) = [one for one in run.manifest.events if one["kind"] == "recovery"]

    assert "step 4" in str(event)


# --- crashes ------------------------------------------------------------------------------------------------


def saves_on(disk: ModelDisk) -> list[int]:
    """Train in small on a disk that may die, a save at every second step; return those reported saved."""
    torch.manual_seed(0)
    model, state, reported = torch.nn.Linear(3, 2), State(8, 1, None), []
    store = CheckpointStore(disk.root / "checkpoints", disk)
    checkpoints = Checkpoints(
        store, every=2, keep=0, capture=lambda **how: {"step": state.step}, on_trouble=lambda text: None,
        on_saved=lambda info: reported.append(info.step),
    )  # fmt: skip
    work = SimpleNamespace(model=model)
    for state.step in range(1, 8):
        with torch.no_grad():
            model.weight.fill_(float(state.step))
        checkpoints.on_step(work, state)
    checkpoints.on_end(work, state)
    return reported


@pytest.mark.parametrize("policy", POLICIES)
def test_a_crash_at_any_operation_beside_the_training(policy: str, tmp_path: Path) -> None:
    """Whenever it dies, the newest checkpoint is whole, exact, and no older than the last reported."""
    root = Path("/run")
    whole = ModelDisk(root)
    assert saves_on(whole) == [2, 4, 6, 7]
    for die_at in range(len(whole.log)):
        disk = ModelDisk(root, die_at=die_at)
        reported = saves_on(disk)
        folder = tmp_path / str(die_at)
        disk.survivors(policy, folder)
        loaded = CheckpointStore(folder / "checkpoints").load_latest()

        assert disk.dead
        if loaded is None:
            assert not reported, die_at
            continue
        assert loaded.info.step >= max(reported, default=0), die_at
        assert bool((loaded.model_state["weight"] == loaded.info.step).all())
        assert loaded.state["step"] == loaded.info.step


# --- the interval -------------------------------------------------------------------------------------------


def test_auto_saves_within_epochs_as_often_as_is_cheap(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `auto` one long epoch is saved many times, and the log says what a save takes and how often."""
    monkeypatch.setattr(checkpoint_module, "AUTO_LEAST_S", 0.0)
    monkeypatch.setattr(checkpoint_module, "SAVING_SHARE", 0.9)
    run = train(net(), loader(12_000), epochs=1, checkpoint_every="auto", keep=50)
    log = (run.dir / "logs" / "training.log").read_text()

    assert len(run.checkpoints.all()) > 3
    assert "of the training's time: one every" in log
    assert run.manifest.hyperparameters["training"]["checkpoint_every"] == "auto"


def test_auto_waits_until_a_save_is_worth_it(train: Train) -> None:
    """A run of a second with `auto` is saved at its end alone: who loses less than that has lost nothing."""
    run = train(net(), loader(), epochs=3, checkpoint_every="auto", keep=50)

    assert [info.step for info in run.checkpoints.all()] == [21]


def test_the_plan_says_the_interval_of_auto(planned: Train) -> None:
    """The plan names bytes, cost and interval, and that saving takes at most 3 % of the time."""
    text = planned(net(), loader(), checkpoint_every="auto").plan.report().to_markdown()

    assert "about every 30 s" in text and "at most 3 % of the time" in text


def test_saving_beside_changes_no_weight(train: Train) -> None:
    """A run that saves at every step ends at the weights of one that saves at its end, to the bit."""
    models = [net(dropout=0.3), net(dropout=0.3)]
    for model, every in zip(models, (1, 10_000), strict=True):
        train(model, loader(shuffle=True), optimizer=sgd(model), epochs=2, seed=1, checkpoint_every=every)

    assert same_weights(*models)


def test_the_option_takes_a_number_or_auto() -> None:
    """`--checkpoint-every` reads a number and the word, and names both where it gets something else."""
    assert parse(COMMAND, ["--checkpoint-every", "auto"]).checkpoint_every == "auto"
    assert parse(COMMAND, ["--checkpoint-every", "50"]).checkpoint_every == 50
    with pytest.raises(UsageError, match="at least 1, or auto"):
        parse(COMMAND, ["--checkpoint-every", "often"])
