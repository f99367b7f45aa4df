"""What a cell does to a model, an optimizer or torch itself while they train: seen, told, put back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from setups import loader, net, same_weights, twins
from torch import nn
from torch.optim import lr_scheduler as lrs

from nbtrain.running.guards.habits import Habits
from nbtrain.train.guards.writes import Writes


class Living:
    """A run that goes on until it is told to end, and what was told of it."""

    def __init__(self, train: Callable[..., Any], model: nn.Module, **options: Any) -> None:
        self.model = model
        self.optimizer = options.pop("optimizer", None) or torch.optim.SGD(model.parameters(), lr=0.01)
        data = options.pop("data", None) or loader()
        self.run = train(model, data, optimizer=self.optimizer, epochs=10**6, wait=False, **options)
        self.steps(40)  # past what is learned at the beginning, at two looks

    def steps(self, count: int) -> None:
        """Wait until so many more were taken, and two looks."""
        step, began = self.run.progress.step, time.monotonic()
        while self.run.progress.step < step + count or time.monotonic() - began < 0.6:
            assert self.run.status.alive and time.monotonic() - began < 60, self.run.error
            time.sleep(0.01)

    def event(self, kind: str) -> dict[str, Any]:
        """Wait for an event of a kind."""
        began = time.monotonic()
        while time.monotonic() - began < 30:
            for event in self.run.events:
                if event["kind"] == kind:
                    return event
            assert self.run.status.alive, self.run.error
            time.sleep(0.01)
        raise AssertionError(f"no {kind} event; there are {self.run.events}")

    def end(self) -> Any:
        self.run.stop()
        self.run.wait(60)
        return self.run

    def alert(self, rule: str) -> str:
        found = [alert for alert in self.end().alerts if alert.rule == rule]
        assert len(found) == 1, self.run.alerts
        return f"{found[0].issue} {found[0].evidence}"


@pytest.fixture
def living(train: Any) -> Callable[..., Living]:
    def begun(model: nn.Module | None = None, **options: Any) -> Living:
        return Living(train, net(dropout=0.2) if model is None else model, **options)

    return begun


# --- modes ----------------------------------------------------------------------------------------------


def test_eval_in_a_cell_is_put_back_and_told(living: Any) -> None:
    """model.eval() while it trains: train mode again at the next step, an event and a warning in words."""
    one = living()
    one.model.eval()
    event = one.event("mode")

    assert (event["what"], event["to"], event["put_back"]) == ("the model", "eval", True)
    assert event["step"] >= 40
    assert all(module.training for module in one.model.modules())
    said = one.alert("mode")
    assert "switched the model to eval mode (dropout off" in said and "put back" in said
    assert [event["kind"] for event in one.run.manifest.events] == ["mode"]


def test_one_switched_layer_is_named(living: Any) -> None:
    """A single module switched by hand is found at a look, named, and put back."""
    one = living()
    one.model[2].eval()
    event = one.event("mode")

    assert event["what"] == "`2`"
    assert one.model[2].training


def test_a_batch_norm_frozen_before_the_start_stays_frozen(living: Any) -> None:
    """eval() on a batch norm before the start is a choice; train() on all in a cell does not undo it."""
    model = net(norm=True)
    model[1].eval()
    one = living(model)
    assert not model[1].training
    model.train()
    event = one.event("mode")

    assert (event["what"], event["to"]) == ("`1`", "train")
    assert not model[1].training and model[0].training


def test_detect_tells_and_leaves_it(living: Any) -> None:
    """guard="detect" says that the model trains in eval mode, and leaves it there."""
    one = living(guard="detect")
    one.model.eval()
    event = one.event("mode")
    one.steps(5)

    assert event["put_back"] is False
    assert not one.model.training
    assert "from here on" in one.alert("mode")


def test_off_does_not_look(living: Any) -> None:
    """guard="off" tells nothing and changes nothing."""
    one = living(guard="off")
    one.model.eval()
    one.optimizer.param_groups[0]["lr"] = 0.5
    one.steps(5)

    assert not one.model.training
    assert not one.end().events


class Teacher(nn.Module):
    """Keeps a part of itself in eval mode, and switches another to and fro, in its own forward."""

    def __init__(self) -> None:
        super().__init__()
        self.student, self.teacher, self.flips = net(), net(1), nn.Dropout(0.1)
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.teacher.eval()
        self.calls += 1
        self.flips.train(self.calls % 7 == 0)
        return self.flips(self.student(x)) + self.teacher(x)


def test_modes_that_forward_switches_are_its_own(living: Any) -> None:
    """A model that holds its teacher in eval mode is left to it, without a word."""
    one = living(Teacher())
    one.steps(60)

    assert not one.model.teacher.training
    assert not [e for e in one.end().events if "teacher" in str(e["what"])]


def test_validation_is_no_cells_doing(train: Any) -> None:
    """Validating and saving, which switch modes and read weights, leave no event; nor does a scheduler."""
    model = net(dropout=0.2, norm=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    scheduler = lrs.OneCycleLR(optimizer, 0.1, total_steps=70)
    options = {"optimizer": optimizer, "scheduler": scheduler, "val": loader(), "val_every": 3}
    run = train(model, loader(), epochs=10, **options)

    assert str(run.status) == "completed", run.error
    assert not run.events and not [alert for alert in run.alerts if alert.rule in ("mode", "setting")]


# --- rates ----------------------------------------------------------------------------------------------


def test_a_rate_set_by_hand_is_an_event(living: Any) -> None:
    """param_groups[0]["lr"] = x is legal: it stays, with an event that has both rates, and no alert."""
    one = living()
    one.optimizer.param_groups[0]["lr"] = 0.002
    event = one.event("lr")

    assert (event["from"], event["to"], event["by"]) == (0.01, 0.002, "cell")
    assert one.optimizer.param_groups[0]["lr"] == 0.002
    assert not one.end().alerts
    assert one.run.history["lr"].iloc[-1] == 0.002


def test_a_rate_set_under_a_scheduler_is_seen_before_it_moves_on(living: Any) -> None:
    """Also where a scheduler sets the rate anew in each step, the edit between two of them is an event."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    one = living(model, optimizer=optimizer, scheduler=lrs.LambdaLR(optimizer, lambda step: 1.0))
    optimizer.param_groups[0]["lr"] = 0.5
    event = one.event("lr")

    assert (event["from"], event["to"]) == (0.01, 0.5)
    one.steps(5)
    assert len([e for e in one.end().events if e["kind"] == "lr"]) == 1


def test_a_rate_kept_in_a_tensor(living: Any) -> None:
    """A rate that is a tensor is watched too."""
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=torch.tensor(0.01))
    one = living(model, optimizer=optimizer)
    assert not one.run.events
    optimizer.param_groups[0]["lr"].fill_(0.001)

    assert one.event("lr")["to"] == pytest.approx(0.001)


def test_set_lr_is_no_cells_doing(living: Any) -> None:
    """run.set_lr leaves its own event, once."""
    one = living()
    one.run.set_lr(0.003)
    one.event("lr")
    one.steps(10)

    (event,) = [e for e in one.end().events if e["kind"] == "lr"]
    assert event["to"] == 0.003 and "by" not in event


# --- weights --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sgd", "adamw", "accumulated"])
def test_weights_written_by_a_cell_are_told(living: Any, kind: str) -> None:
    """An in-place change, load_state_dict or another optimizer's step is told, with what was written."""
    model = net()
    made = torch.optim.AdamW if kind == "adamw" else torch.optim.SGD
    one = living(
        model, optimizer=made(model.parameters(), lr=0.01), accumulate=2 if kind == "accumulated" else 1
    )
    assert not one.run.events
    with torch.no_grad():
        model[0].weight.mul_(1.001)
    event = one.event("weights-written")

    assert (event["what"], event["parameters"]) == ("`0.weight`", 1)
    assert "`0.weight`" in one.alert("weights-written")


def test_load_state_dict_in_a_cell_is_told(living: Any) -> None:
    """Other weights loaded while it trains are told, the names shortened."""
    one = living()
    one.model.load_state_dict(net(seed=3).state_dict())

    assert one.event("weights-written")["parameters"] == 4


def test_writes_are_told_from_the_trainings_own() -> None:
    """Steps of any fixed number of writes are learned; one more is found, and steps left out are not."""
    one, two = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    writes = Writes([one, two])

    def steps(count: int) -> None:
        with torch.no_grad():
            for _ in range(count):
                one.add_(1).mul_(1)
                two.add_(1)

    at = 0
    for count in (3, 5, 1, 7):
        steps(count)
        at += count
        assert writes.look(at) == []
    steps(2)
    with torch.no_grad():
        two.add_(1)
    assert [p is two for p in writes.look(at + 2)] == [True]
    steps(3)
    assert writes.look(at + 9) == [], "steps that a scaler left out"


# --- structure ------------------------------------------------------------------------------------------


def test_a_replaced_layer_is_told_with_what_it_means(living: Any) -> None:
    """Another layer in a layer's place: named, with the warning that no optimizer holds its weights."""
    one = living()
    one.model[3] = nn.Linear(12, 3)
    event = one.event("layers")

    assert event["what"] == "`3` (Linear) replaced"
    assert "in no optimizer: they do not learn" in one.alert("layers")


def test_a_frozen_parameter_is_told(living: Any) -> None:
    """requires_grad_(False) in a cell is an event with the names."""
    one = living()
    one.model[0].requires_grad_(False)

    assert one.event("frozen")["what"] == "`0.weight`, `0.bias` frozen (requires_grad=False)"


def test_parameters_taken_out_of_the_optimizer_are_told(living: Any) -> None:
    """A parameter removed from its group, and a group's setting changed, are each told."""
    one = living()
    one.optimizer.param_groups[0]["params"].pop()
    assert one.event("optimizer")["what"] == "`3.bias` taken out of the optimizer"
    one.optimizer.param_groups[0]["weight_decay"] = 0.1

    assert one.event("setting")["what"] == "weight_decay set from 0 to 0.1"


def test_other_values_behind_a_parameter_are_told(living: Any) -> None:
    """`.data = ...`, which no version counter sees, is told by the storage."""
    one = living()
    one.model[0].weight.data = torch.zeros(12, 8)

    assert "`0.weight` given other values" in one.event("storage")["what"]


def test_what_broke_a_run_is_told_with_its_failure(living: Any) -> None:
    """model.double() in a cell ends the run with torch's error; the event beside it says what was done."""
    one = living()
    one.model.double()
    one.run.wait(60)

    assert str(one.run.status) == "failed"
    assert any("moved to float64" in str(e.get("what")) for e in one.run.manifest.events)


def test_gradients_zeroed_in_a_cell_are_told(living: Any) -> None:
    """zero_grad() between backward and update takes a step's gradients away, and is told."""

    class Late(torch.optim.SGD):
        """Gives a cell the time to zero the gradients before the update."""

        def step(self, closure: Any = None) -> Any:
            if self.now:
                self.now = False
                self.zero_grad()
            return super().step(closure)

        now = False

    model = net()
    optimizer = Late(model.parameters(), lr=0.01)
    one = living(model, optimizer=optimizer)
    optimizer.now = True

    assert "zero_grad" in one.alert("gradients-zeroed") if one.event("gradients-zeroed") else False


def test_a_move_waits_for_a_boundary(living: Any) -> None:
    """`.to()` and its like, which pull weights away under a step, are held until a run is between two."""
    one = living()
    seen: list[int] = []

    def slowly(weight: torch.Tensor) -> torch.Tensor:
        seen.append(one.run.progress.step)
        time.sleep(0.02)
        return weight

    one.model._apply(slowly)
    stood = list(seen)
    one.steps(5)
    seen.clear()
    net()._apply(slowly)

    assert len(stood) >= 4 and len(set(stood)) == 1
    assert len(set(seen)) > 1, "another model is moved at once"
    one.end()
    assert nn.Module._apply.__module__ == "torch.nn.modules.module"


# --- torch itself ---------------------------------------------------------------------------------------


@pytest.fixture
def default_flags() -> Iterator[None]:
    yield
    torch.set_default_dtype(torch.float32)
    torch.use_deterministic_algorithms(False)
    torch.set_grad_enabled(True)


@pytest.mark.usefixtures("default_flags")
def test_settings_of_the_whole_process_are_told(living: Any) -> None:
    """A default dtype or deterministic algorithms set in a cell hold in the training too: told."""
    one = living()
    torch.set_default_dtype(torch.float64)
    event = one.event("setting")

    assert (event["what"], event["from"], event["to"]) == ("default dtype", "float32", "float64")


@pytest.mark.usefixtures("default_flags")
def test_what_a_thread_keeps_for_itself_does_not_reach_the_run(train: Any) -> None:
    """Gradients switched off and autocast left on in a cell change no weight of a run."""
    ours, theirs = twins()
    run = train(theirs, loader(), epochs=30)
    run = train(ours, loader(), epochs=30, wait=False)
    torch.set_grad_enabled(False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        run.wait(60)

    assert str(run.status) == "completed", run.error
    assert same_weights(ours, theirs)
    assert not run.events


def test_what_happens_at_each_look_is_the_trainings_own() -> None:
    """A change seen at three looks in a row is a habit, and no news from then on."""
    habits = Habits()
    seen = [habits.news({"a"}) for _ in range(5)]

    assert seen == [{"a"}, {"a"}, set(), set(), set()]
    assert habits.news({"b"}) == {"b"} and habits.known("a") and not habits.known("b")
