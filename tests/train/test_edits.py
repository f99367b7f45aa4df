"""Live edits: what is changed while a run trains is obeyed at the next step, noted, nonsense refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from setups import loader, net
from torch.optim import lr_scheduler as lrs

from nbtrain.errors import UsageError

ENDLESS = 1_000_000


def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait for what a thread brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


@pytest.fixture
def paused(train: Any) -> Callable[..., Any]:
    """Give a way to have a run that trains and waits at a step boundary."""

    def made(*, epochs: int | None = ENDLESS, **options: Any) -> Any:
        model = options.pop("model", None) or net()
        run = train(model, options.pop("data", loader()), epochs=epochs, wait=False, **options)
        until(lambda: run.progress.step > 3)
        run.pause()
        until(lambda: run.progress.phase == "paused")
        return run

    return made


def event(run: Any) -> dict[str, Any]:
    """The newest event once there is one, without its time."""
    until(lambda: run.events)
    return {key: value for key, value in run.events[-1].items() if key != "at"}


def test_a_paused_run_takes_a_rate_at_once(paused: Any) -> None:
    """The groups keep their ratio; the event says when, from what, to what; manifest and log have it."""
    model = net()
    groups = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[3].parameters(), "lr": 0.02}]
    optimizer = torch.optim.SGD(groups)
    run = paused(model=model, optimizer=optimizer)
    run.set_lr(0.05)
    said = event(run)

    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.05, 0.01])
    assert said == {"kind": "lr", "step": run.progress.step, "from": 0.1, "to": 0.05}
    until(lambda: run.manifest.events)
    assert run.manifest.events[-1] == run.events[-1]
    until(lambda: "lr 0.1 → 0.05" in (run.dir / "logs" / "training.log").read_text())


def test_a_factor_multiplies_what_the_rate_is_then(paused: Any) -> None:
    """Two halvings are a quarter, and each has its event."""
    optimizer = torch.optim.SGD((model := net()).parameters(), lr=0.2)
    run = paused(model=model, optimizer=optimizer)
    run.set_lr("*0.5")
    run.set_lr(" *0.5")
    until(lambda: len(run.events) == 2)

    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)
    assert [one["to"] for one in run.events] == pytest.approx([0.1, 0.05])


def test_epochs_are_what_the_run_ends_after(paused: Any) -> None:
    """Fewer epochs end it earlier, as completed, and the panel's totals follow at once."""
    run = paused()
    run.set_epochs(run.progress.epoch + 1)
    said = event(run)
    assert (said["kind"], said["from"], said["to"]) == ("epochs", ENDLESS, run.progress.total_epochs)
    assert run.progress.total_steps == 7 * run.progress.total_epochs
    run.resume()
    run.wait(60)

    assert str(run.status) == "completed"
    assert len(run.epochs) == said["to"]


def test_more_epochs_let_it_go_on(train: Any) -> None:
    """Asked for in its first epoch, a second one follows the one that was planned."""
    run = train(net(), loader(32, batch_size=1), epochs=1, wait=False)
    run.pause()
    run.set_epochs(3)
    run.resume()
    run.wait(60)

    assert len(run.epochs) == 3
    assert run.progress.step == run.progress.total_steps == 96


def test_max_steps_are_obeyed_to_the_step(paused: Any) -> None:
    """The run ends exactly there, whatever the epoch."""
    run = paused(epochs=None, max_steps=ENDLESS)
    assert "epochs" not in run.settings
    wanted = run.progress.step + 11
    run.set_max_steps(wanted)
    event(run)
    run.resume()
    run.wait(60)

    assert run.progress.step == run.progress.total_steps == wanted
    assert str(run.status) == "completed"


def test_patience_can_be_given_to_a_run_that_had_none(paused: Any) -> None:
    """From the next evaluation on it stops early; taken away again it does not."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)  # never better than at first
    run = paused(model=model, optimizer=optimizer, val=loader(20))
    assert run.settings["patience"] is None
    run.set_patience(1)
    run.set_patience(None)
    run.set_patience(2)
    until(lambda: len(run.events) == 3)
    run.resume()
    run.wait(60)

    assert [one["to"] for one in run.events] == [1, None, 2]
    assert "early stopping" in run.stop_reason


def test_several_changes_are_made_together_or_not_at_all(paused: Any) -> None:
    """One that makes no sense keeps the others from being made."""
    run = paused()
    with pytest.raises(UsageError, match="epochs is 'many'"):
        run.set(lr=0.5, epochs="many")
    run.set(lr="0.5", max_epochs="2_000_000")
    until(lambda: len(run.events) == 2)

    assert [one["kind"] for one in run.events] == ["lr", "epochs"]


def test_a_change_to_what_is_already_so_is_no_event(paused: Any) -> None:
    """Nothing is marked where nothing changed."""
    run = paused()
    run.set_epochs(ENDLESS)
    run.set_lr(0.25)
    until(lambda: run.events)

    assert [one["kind"] for one in run.events] == ["lr"]


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"lr": -1}, "must be a number, 0 or more"),
        ({"lr": "fast"}, "lr is 'fast', which is no number"),
        ({"lr": "nan"}, "must be a number, 0 or more"),
        ({"lr": "*0"}, "a factor must be above 0"),
        ({"lr": "*-2"}, "a factor must be above 0"),
        ({"lr": True}, "must be a number, 0 or more"),
        ({"epochs": 0}, "must be at least 1"),
        ({"epochs": 2.5}, "must be a whole number"),
        ({"epochs": "inf"}, "must be a whole number"),
        ({"epochs": None}, "must be a whole number"),
        ({"max_steps": 1}, "at step"),
        ({"patience": 3}, "Without validation data nothing can stop early"),
        ({"epohcs": 3}, "Did you mean `epochs`"),
        ({"batch_size": 3}, "cannot be changed while a run trains"),
        ({}, "Nothing is to be changed"),
    ],
)
def test_nonsense_is_refused_in_words(paused: Any, wishes: dict[str, Any], said: str) -> None:
    """At once, with the name and what was given; the run goes on as it was."""
    run = paused()
    with pytest.raises(UsageError, match=said):
        run.set(**wishes)

    assert run.events == []


def test_an_epoch_that_is_past_cannot_be_the_last(paused: Any) -> None:
    """The text says where the run is and what would end it."""
    run = paused(data=loader(16))
    until(lambda: run.progress.epoch > 2)
    with pytest.raises(UsageError, match=r"the run is in epoch \d+ already"):
        run.set_epochs(1)


def test_a_one_cycle_schedule_is_not_driven_beyond_its_end(paused: Any) -> None:
    """More epochs than it has steps for are refused with the number that fits; fewer are taken."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = lrs.OneCycleLR(optimizer, max_lr=0.2, total_steps=7 * 2000)
    run = paused(model=model, optimizer=optimizer, scheduler=scheduler, epochs=2000)
    with pytest.raises(UsageError, match=r"\(OneCycleLR\) was made for 14,000 steps in all, 2000 epochs"):
        run.set_epochs(2001)
    run.set_epochs(1999)

    assert event(run)["to"] == 1999


def test_a_cosine_driven_beyond_its_end_is_said(paused: Any) -> None:
    """The rate would rise again: an alert says so, the change is made."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = lrs.CosineAnnealingLR(optimizer, T_max=5000)
    run = paused(model=model, optimizer=optimizer, scheduler=scheduler, epochs=5000)
    run.set_epochs(6000)
    until(lambda: run.alerts)

    assert "T_max=5000: from there on the learning rate rises again" in run.alerts[-1].issue
    assert event(run)["to"] == 6000


def test_a_limit_in_steps_is_named_where_it_comes_first(paused: Any) -> None:
    """Epochs beyond max_steps would not be reached, which is said with the number that would."""
    run = paused(epochs=1000, max_steps=1000)
    with pytest.raises(UsageError, match=r"max_steps = 1,000, before 2000 epochs are done.*14,000"):
        run.set_epochs(2000)


def test_a_run_that_has_not_begun_or_is_over_cannot_be_changed(planned: Any, train: Any) -> None:
    """Both are said."""
    with pytest.raises(UsageError, match="has not been started"):
        planned(net(), loader()).set_epochs(3)
    with pytest.raises(UsageError, match=r"is over \(completed\)"):
        train(net(), loader(), epochs=1).set_epochs(3)
