"""The policies on a step that is not finite: stop, skip, recover; each change is said and kept."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from setups import loader, net, same_weights, twins
from torch import nn

from nbtrain.errors import UsageError
from nbtrain.train.finite import Guard, all_finite
from nbtrain.train.options import TrainOptions

CE = nn.CrossEntropyLoss()


def data(*bad: int, batches: int = 12, value: float = math.nan) -> list[Any]:
    """Batches of 16; those at the places `bad` (from 1) have one bad number, feature 2 of sample 3."""
    found = [(x.clone(), y) for x, y in loader(16 * batches)]
    for place in bad:
        found[place - 1][0][3, 2] = value
    return found


def sgd(model: nn.Module, lr: float = 0.05) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def events(run: Any, kind: str) -> list[dict[str, Any]]:
    manifest = json.loads((run.dir / "manifest.json").read_text())
    assert manifest["events"] == run.events
    return [event for event in run.events if event["kind"] == kind]


def alerts(run: Any, rule: str) -> list[Any]:
    return [alert for alert in run.alerts if alert.rule == rule]


@pytest.fixture(params=["host", "device"])
def verdicts(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have verdicts come with the step, or late, as from an accelerator."""
    if request.param == "device":
        made = Guard.__init__

        def late(self: Guard, *args: Any, **keywords: Any) -> None:
            made(self, *args, **keywords)
            self.on_host = False

        monkeypatch.setattr(Guard, "__init__", late)
    return request.param


def test_stop_names_the_cause(train: Any, verdicts: str) -> None:
    """By default the run ends there, and reason, alert and log name batch, sample and feature."""
    model = net(norm=True)
    run = train(model, data(5), optimizer=sgd(model), epochs=1)
    assert str(run.status) == "diverged"
    assert "feature 2 of sample 3" in run.stop_reason
    (origin,) = alerts(run, "nan-origin")
    assert (origin.details["cause"], origin.step, str(origin.severity)) == ("data", 5, "critical")
    assert "nan-loss" in [alert.rule for alert in run.alerts]
    log = (run.dir / "logs" / "training.log").read_text()
    assert "feature 2 of sample 3" in log
    assert all_finite([*model.parameters(), *model.buffers()])


def test_skip_leaves_the_step_out_and_goes_on(train: Any) -> None:
    """Weights are those of a loop over the good batches alone; each step left out is an event."""
    ours, theirs = twins(norm=True)
    run = train(ours, data(3, 4, 9), optimizer=sgd(ours), epochs=1, on_nan="skip")
    by_hand = sgd(theirs)
    for place, (x, y) in enumerate(data(), start=1):
        if place not in (3, 4, 9):
            by_hand.zero_grad()
            CE(theirs(x), y).backward()
            by_hand.step()

    assert str(run.status) == "completed"
    assert same_weights(ours, theirs)
    assert [event["step"] for event in events(run, "step-skipped")] == [3, 4, 9]
    assert [event["batch"] for event in events(run, "step-skipped")] == [3, 4, 9]
    assert len(alerts(run, "step-skipped")) == 1, "said once, not at each"
    assert run.history["train_loss"].isna().sum() == 3


def test_skip_ends_after_five_in_a_row(train: Any, verdicts: str) -> None:
    """Four in a row are let pass, five end the run as diverged."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    run = train(model, data(2, 3, 4, 5, 9), optimizer=optimizer, epochs=1, on_nan="skip")
    assert str(run.status) == "completed"

    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    run = train(model, data(*range(2, 12)), optimizer=optimizer, epochs=1, on_nan="skip")
    assert str(run.status) == "diverged"
    assert "5 steps in a row were not finite" in run.stop_reason
    assert len(alerts(run, "nan-origin")) <= 3, "replays are bounded"
    assert all_finite(model.parameters())


def test_recover_goes_back_with_a_tenth_of_the_rate_and_clipping(train: Any, verdicts: str) -> None:
    """Before the first checkpoint it goes back to the weights it began with; everything is said and kept."""
    model, reference = twins()
    optimizer = sgd(model)
    run = train(model, data(12), optimizer=optimizer, epochs=1, on_nan="recover")

    assert str(run.status) == "completed"
    assert same_weights(model, reference)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.005)
    (event,) = events(run, "recovery")
    assert (event["step"], event["back_to"]) == (12, "the weights it began with")
    assert event["lr"] == {"from": 0.05, "to": 0.005}
    assert event["clip"] == {"from": None, "to": 1.0}
    assert event["cause"] == "data"
    assert "feature 2 of sample 3" in event["data"]
    (alert,) = alerts(run, "nan-recovered")
    assert "Recovery 1 of 2" in alert.issue
    assert "0.005 (it was 0.05)" in alert.issue
    assert "the batch holds input: 1 NaN of 128 values" in alert.evidence


def test_recover_goes_back_to_the_newest_checkpoint(train: Any) -> None:
    """With checkpoints on disk the newest is the way back, and training goes on from it."""
    model = net(norm=True)
    batches = data(8)
    run = train(model, batches, optimizer=sgd(model), epochs=1, on_nan="recover", checkpoint_every=3)
    (event,) = events(run, "recovery")
    assert event["back_to"] == "the checkpoint of step 6"
    assert str(run.status) == "completed"
    assert all_finite([*model.parameters(), *model.buffers()])
    assert run.progress.step == 12


def test_recover_tries_twice_then_stops(train: Any) -> None:
    """The third bad step ends the run as diverged, and the reason says so."""
    model = net()
    optimizer = sgd(model)
    run = train(model, data(3, 6, 9), optimizer=optimizer, epochs=1, on_nan="recover")
    assert str(run.status) == "diverged"
    assert "it happened again after 2 recoveries" in run.stop_reason
    assert run.progress.step == 9
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0005)
    assert len(events(run, "recovery")) == 2


def test_a_scheduler_goes_on_from_the_lower_rate(train: Any) -> None:
    """A schedule keeps its shape after a recovery, a tenth as high."""
    model = net()
    optimizer = sgd(model, 0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    run = train(model, data(5), optimizer=optimizer, scheduler=scheduler, scheduler_step="step",
                epochs=1, on_nan="recover")  # fmt: skip
    rates = run.history["lr"].to_numpy()
    assert rates[4] > 0.09
    assert 0.008 < rates[5] < 0.01
    assert rates[-1] < rates[5]


def test_a_rate_that_is_too_high_is_recovered_from(train: Any) -> None:
    """A linear regression that blows up at its rate learns after the recovery cuts it."""
    torch.manual_seed(0)
    model = nn.Linear(8, 1)
    x = torch.randn(16, 8)
    batches = [(x, x.sum(1, keepdim=True)) for _ in range(400)]
    optimizer = torch.optim.SGD(model.parameters(), lr=1.2)
    run = train(model, batches, loss=nn.MSELoss(), optimizer=optimizer, epochs=1, on_nan="recover")
    assert str(run.status) == "completed"
    (origin,) = alerts(run, "nan-origin")
    assert origin.details["cause"] == "learning-rate"
    assert run.history["train_loss"].iloc[-1] < 1e-3


def test_bad_batches_under_a_grad_scaler_follow_the_policy(train: Any) -> None:
    """In fp16 an overflow of the scale is no incident, a batch that is not finite is one."""
    model = net()
    run = train(model, data(6), optimizer=sgd(model), epochs=2, on_nan="skip", precision="16")
    assert str(run.status) == "completed"
    assert [event["step"] for event in events(run, "step-skipped")] == [6, 18]
    assert alerts(run, "nan-origin")[0].details["cause"] == "data"


def test_a_policy_that_does_not_exist_is_refused() -> None:
    """An unknown word names those that exist."""
    with pytest.raises(UsageError, match="allowed are stop, skip and recover"):
        TrainOptions.from_words({"on_nan": "ignore"})


def test_gradients_are_clipped_after_a_recovery(train: Any) -> None:
    """The bound is in force from the next step on, also where gradients were kept unmeasured before."""
    model = net()
    batches = [(x * 50, y) for x, y in loader(160)]
    batches[4][0][0, 0] = math.nan
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    moved: list[float] = []
    before = [p.detach().clone() for p in model.parameters()]

    def look(optimizer: Any, *args: Any) -> None:
        now = [p.detach().clone() for p in model.parameters()]
        change = torch.stack([(a - b).norm() for a, b in zip(now, before, strict=True)]).norm()
        moved.append(float(change) / optimizer.param_groups[0]["lr"])
        before[:] = now

    optimizer.register_step_post_hook(look)
    train(model, batches, optimizer=optimizer, epochs=1, on_nan="recover")
    assert len(moved) == 9
    assert max(moved[:4]) > 2
    assert max(moved[5:]) <= 1.0001, "the first after it also holds the way back"
