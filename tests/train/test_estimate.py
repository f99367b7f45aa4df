"""The estimated time has every part of a run in it, and says what it rests on. No clock is trusted here."""

from __future__ import annotations

import copy
import time
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch
from setups import digits, loader, net
from torch import nn
from torch.utils.data import DataLoader, Dataset

from nbtrain.notebook.pace import Pace
from nbtrain.running.state import State
from nbtrain.train import step_time
from nbtrain.train.estimate import WORKER_START_S, Amounts, Estimate, amounts, estimate, rounded, waiting
from nbtrain.train.update_time import time_update

WAIT_S = 0.005


class Slow(Dataset):
    """Digits that are waited for."""

    def __init__(self, samples: int) -> None:
        self.inner = digits(samples)

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index: int) -> Any:
        time.sleep(WAIT_S)
        return self.inner[index]


def slow(samples: int = 64, **options: Any) -> DataLoader:
    return DataLoader(Slow(samples), batch_size=16, **options)


def test_a_slow_loader_is_in_it(planned: Any) -> None:
    """Every sample's wait counts once an epoch; two workers share it, and their start is counted."""
    alone = planned(net(), slow(), epochs=3).plan.estimate
    helped = planned(net(), slow(num_workers=2), epochs=3).plan.estimate

    assert alone.parts["loading"] >= 3 * 64 * WAIT_S
    assert helped.parts["loading"] >= 3 * 64 * WAIT_S / 2 - helped.parts["training"]
    assert helped.parts["epochs"] >= 3 * 2 * min(WORKER_START_S.values())
    assert "waiting for data" in alone.basis and alone.seconds == sum(alone.parts.values())


def test_stalls_of_the_machine_do_not_decide(planned: Any) -> None:
    """What else the machine did while a step was timed makes the range wide, not the estimate long."""
    plan = planned(net(), loader(64), epochs=50).plan
    todo = amounts(plan.work, (plan.total_epochs, plan.total_steps, plan.steps_per_epoch))
    calm, busy = (
        estimate(plan.work, replace(plan.rehearsal, times_s=times), (), todo)
        for times in ((0.1, 0.1, 0.1, 0.1), (0.1, 0.1, 2.0, 2.0))
    )
    assert busy.seconds == pytest.approx(calm.seconds, rel=0.2)
    assert busy.low_s < busy.seconds < busy.high_s and busy.high_s > 5 * busy.low_s


def test_a_machine_shared_with_others_is_said(planned: Any) -> None:
    """Steps that mostly waited for a processor while they were timed get a wide range that says so."""
    plan = planned(net(), loader(64), epochs=50).plan
    todo = amounts(plan.work, (plan.total_epochs, plan.total_steps, plan.steps_per_epoch))
    alone, shared = (
        estimate(plan.work, replace(plan.rehearsal, times_s=(0.5, 0.5), busy=busy), (), todo)
        for busy in (0.9, 0.2)
    )
    assert shared.low_s < 0.4 * alone.low_s and shared.seconds == pytest.approx(alone.seconds, rel=0.2)
    assert "other work on this machine" in shared.basis and "other work" not in alone.basis


def test_a_slow_first_step_is_not_what_a_step_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the first timed step is, another follows that counts in its place."""
    monkeypatch.setattr(step_time, "TIMING_SECONDS", 0.01)

    class FirstIsSlow:
        calls = 0

        def loss(self, model: nn.Module, batch: Any) -> tuple[torch.Tensor, None]:
            self.calls += 1
            time.sleep(0.06 if self.calls == 1 else 0)
            return model(batch).sum(), None

    task = FirstIsSlow()
    timed = step_time.time_steps(nn.Linear(2, 1), task, torch.ones(4, 2), nullcontext)

    assert task.calls >= 2 and len(timed.times_s) == task.calls - 1


def test_the_time_left_is_measured_without_the_first_step() -> None:
    """Once there are two readings, the time left is by the steps between them: a slow start is no pace."""
    state = State(total_steps=101)
    state.started, state.step = time.monotonic() - 50, 1
    assert state.progress().eta_s == pytest.approx(5000, rel=0.05)
    state.started, state.step = time.monotonic() - 60, 11
    assert state.progress().eta_s == pytest.approx(90, rel=0.05)


def test_validation_is_in_it(planned: Any) -> None:
    """Each evaluation reads and judges all the validation data, those within epochs too."""
    once = planned(net(), loader(64), val=slow(160), epochs=2).plan.estimate
    often = planned(net(), loader(64), val=slow(160), epochs=2, val_every=1).plan.estimate

    assert once.parts["validation"] >= 2 * 160 * WAIT_S
    assert often.parts["validation"] >= 8 * 160 * WAIT_S
    assert "a validation" in once.basis


class Options:
    def __init__(self, accumulate: int = 1, val_every: int | None = None) -> None:
        self.accumulate, self.val_every = accumulate, val_every


class Given:
    def __init__(self, train: Any, val: Any = None, **options: Any) -> None:
        self.train_loader, self.val_loader, self.options = train, val, Options(**options)


@pytest.mark.parametrize(
    ("given", "length", "expected"),
    [
        (Given([0] * 10), (3, 30, 10), Amounts(30, 30, 3)),
        (Given([0] * 10, accumulate=4), (3, 9, 3), Amounts(9, 30, 3)),
        (Given([0] * 10, [0] * 5), (3, 30, 10), Amounts(30, 30, 3, 3, 5)),
        (Given([0] * 10, [0] * 5, val_every=5), (3, 30, 10), Amounts(30, 30, 3, 6, 5)),
        (Given([0] * 10, [0] * 5, val_every=4), (3, 30, 10), Amounts(30, 30, 3, 10, 5)),
        (Given([0] * 10), (1, 7, 10), Amounts(7, 7, 1)),
        (Given(iter([])), (3, None, None), None),
    ],
)
def test_how_much_there_is(given: Any, length: Any, expected: Any) -> None:
    """Accumulated batches, evaluations within epochs and a step limit are counted as the loop does them."""
    assert amounts(given, length) == expected


class Workers:
    def __init__(self, count: int) -> None:
        self.num_workers = count


def test_workers_overlap_with_the_training() -> None:
    """What workers wait for is hidden behind the computing; what they are slower than it is waited for."""
    sleeping = Pace((0.08,), busy=0.0)

    assert waiting(Workers(0), sleeping, 50, 0.01) == 0.08
    assert waiting(Workers(4), sleeping, 50, 0.02) < 0.002
    assert waiting(Workers(2), sleeping, 50, 0.01) == pytest.approx(0.03, abs=0.001)
    assert waiting(Workers(2), None, 50, 0.01) == 0


def test_the_update_is_timed_and_nothing_updated() -> None:
    """Groups, settings and state of the optimizer stay as they are, and so do the weights."""
    model = net()
    groups = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[3].parameters()}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, amsgrad=True)
    before = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    times = time_update(optimizer)

    assert len(times) >= 3 and min(times) > 0
    weights = model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in before[0].items())
    assert before[1] == optimizer.state_dict() and all(p.grad is None for p in model.parameters())


def test_optimizers_that_cannot_be_made_again_are_not() -> None:
    """A class of the person's is not called, and LBFGS, which calls the model itself, is not tried."""

    class Mine(torch.optim.SGD):
        made = 0

        def __init__(self, *args: Any, **options: Any) -> None:
            Mine.made += 1
            super().__init__(*args, **options)

    optimizer = Mine(net().parameters(), lr=0.1)

    assert time_update(optimizer) == () and Mine.made == 1
    assert time_update(torch.optim.LBFGS(net().parameters())) == ()


def test_an_unknown_time_says_why(planned: Any) -> None:
    """Data without a length, data read only once and a failing model get words in the number's place."""

    class Endless:
        def __iter__(self) -> Any:
            return iter(loader())

    class Failing(nn.Linear):
        def forward(self, x: Any) -> Any:
            raise ValueError("not today")

    endless = planned(net(), Endless(), epochs=2).plan
    failing = planned(Failing(8, 3), loader(), epochs=2).plan

    assert endless.estimate == "not known: the training data has no length" and endless.eta_s is None
    assert "nothing could be timed" in failing.estimate
    assert "not known: the training data has no length" in endless.report().to_text(200)
    assert endless.to_dict()["eta_s"] is None


def test_a_wide_estimate_is_a_range() -> None:
    """Timings that lie apart are told as from-to, close ones as one rounded number."""
    wide = Estimate(100, 70, 130, {}, "")
    close = Estimate(75.3, 71, 80, {}, "")

    assert (str(wide), str(close)) == ("1:10 to 2:10", "about 1:15")
    assert [rounded(value) for value in (0.1234, 12.34, 601, 7300)] == [0.12, 12, 600, 7200]


def test_the_plan_shows_it(planned: Any) -> None:
    """The line names the time, a step's time and how many steps were timed."""
    plan = planned(net(), loader(), val=loader(), epochs=2).plan
    text = plan.report().to_text(400)

    assert str(plan.estimate) in text and "a step, by" in text and "timed step" in text
    parts = plan.to_dict()["estimate"]["parts"]
    assert parts.keys() == {"training", "loading", "validation", "epochs", "saving"}
