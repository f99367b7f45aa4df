"""What ends a run before its last step: a rising loss, a gradient norm, budgets of time and money."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from setups import loader, net
from test_run import Gated, until
from torch import nn

from nbtrain.train.options import TrainOptions
from nbtrain.train.stops import stop_lines

CE = nn.CrossEntropyLoss()


class Scripted(nn.Module):
    """A criterion whose value in validation, and in training, follows a script; its gradients are real."""

    def __init__(self, valid: Sequence[float], train: Sequence[float] = ()) -> None:
        super().__init__()
        self.valid, self.train_values = list(valid), list(train)
        self.live = False

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        loss = CE(output, target)
        values = self.train_values if output.requires_grad else self.valid
        if not self.live or not values:
            return loss
        return loss - loss.detach() + (values.pop(0) if len(values) > 1 else values[0])


def scripted(planned: Any, valid: Sequence[float], train: Sequence[float] = (), **options: Any) -> Any:
    """Train one step an epoch on a script of losses; returns the run that has ended."""
    criterion = Scripted(valid, train)
    one, val = list(loader(16)), list(loader(16))
    run = planned(net(), one, val=val, loss=criterion, epochs=len(valid), **options)
    criterion.live = True
    return run.start().wait(60)


FALLING_THEN_RISING = [1.0, 0.9, 0.8, 0.7, 0.8, 0.92, 1.1, 1.3, 1.6]


def test_a_loss_that_rises_three_times_ends_the_run(planned: Any) -> None:
    """Three rises above 10 % in a row, with a training loss that does not fall, stop it with the course."""
    run = scripted(planned, FALLING_THEN_RISING, [0.5])

    assert str(run.status) == "stopped"
    assert run.progress.epoch == 7
    assert "validation loss rose by more than 10 % at each of 3 evaluations in a row" in run.stop_reason
    assert "0.7 → 0.8 → 0.92 → 1.1" in run.stop_reason
    manifest = json.loads((run.dir / "manifest.json").read_text())
    assert (manifest["status"], manifest["stop_reason"]) == ("stopped", run.stop_reason)


def test_overfitting_does_not_end_a_run_unless_asked(planned: Any) -> None:
    """The same rise while the training loss falls goes on to the end; with stop_rise given it stops."""
    train = [1 / n for n in range(1, 20)]
    assert str(scripted(planned, FALLING_THEN_RISING, train).status) == "completed"
    assert str(scripted(planned, FALLING_THEN_RISING, train, stop_rise=0.1).status) == "stopped"
    assert str(scripted(planned, FALLING_THEN_RISING, train, stop_rise=0.3).status) == "completed"


@pytest.mark.parametrize(
    "course",
    [
        [1.0, 0.9, 0.8, 0.7, 0.76, 0.83, 0.9, 0.97],  # below 10 % each
        [1.0, 0.7, 0.8, 0.9, 0.85, 1.0, 1.2],  # not in a row
        [2.3, 0.5, 1e-4, 2e-4, 4e-4, 8e-4, 1.6e-3],  # nothing, against the way it has come
        [0.5, 0.7, 0.4, 0.72, 0.45, 0.68, 0.41, 0.7, 0.39, 0.45, 0.55, 0.69],  # this run's usual noise
        [3.0, 0.3, -0.01, -0.008, -0.006, -0.004],  # a log-likelihood about zero
        [1.0, 0.9, float("nan"), 1.1, 1.3, 1.5],  # for the policy on NaN to judge
    ],
)
def test_losses_that_waver_end_no_run(planned: Any, course: list[float]) -> None:
    """What a healthy run can show goes on to its end."""
    assert str(scripted(planned, course, [0.5]).status) == "completed"


def test_a_loss_that_rises_because_the_rate_was_raised_is_left_alone(planned: Any) -> None:
    """A warm restart makes the loss rise on purpose."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 if epoch < 4 else 100)
    criterion = Scripted(FALLING_THEN_RISING, [0.5])
    run = planned(
        model, list(loader(16)), val=list(loader(16)), loss=criterion, epochs=7,
        optimizer=optimizer, scheduler=scheduler,
    )  # fmt: skip
    criterion.live = True
    assert str(run.start().wait(60).status) == "completed"


def test_without_validation_the_training_loss_counts(planned: Any) -> None:
    """A learning rate that makes the training loss explode by epochs ends the run."""
    model = nn.Linear(8, 1)
    data = [(torch.randn(16, 8), torch.randn(16, 1)) for _ in range(4)]
    run = planned(
        model, data, loss=nn.MSELoss(), epochs=60, optimizer=torch.optim.SGD(model.parameters(), lr=1.6)
    )
    run.start().wait(60)
    assert str(run.status) == "stopped"
    assert "training loss rose by more than 10 % at each of 3 epochs in a row" in run.stop_reason


def test_the_last_evaluation_of_a_run_stops_nothing(planned: Any) -> None:
    """A rise that is seen when nothing is left to do leaves the run completed."""
    assert str(scripted(planned, FALLING_THEN_RISING[:7], [0.5]).status) == "completed"


def test_a_gradient_norm_above_the_limit_ends_the_run(train: Any) -> None:
    """With stop_grad_norm a norm above it stops with both numbers; without, the same run goes on."""
    data = [(torch.randn(16, 8) * (1 if n < 40 else 1e4), torch.randint(0, 3, (16,))) for n in range(400)]
    torch.manual_seed(0)
    run = train(net(), data, epochs=1, stop_grad_norm=100, clip=1.0)
    assert str(run.status) == "stopped"
    assert "before clipping, above the limit of 100" in run.stop_reason
    assert 41 <= run.progress.step <= 41 + 256, "at most a pack of rows late"
    assert str(train(net(), data, epochs=1, clip=1.0).status) == "completed"


def test_the_time_budget_leaves_pauses_out(planned: Any) -> None:
    """A pause longer than the budget spends nothing of it; the steps afterwards do."""
    data = Gated(epochs_of=1)
    run = planned(net(), data, epochs=10_000, max_time=0.4)
    run.start()
    run.pause()
    data.let(1)
    until(lambda: run.progress.phase == "paused")
    time.sleep(0.6)
    assert run.status.alive
    run.resume()
    data.let(20_000)
    run.wait(60)
    assert str(run.status) == "stopped"
    assert "time budget of 400 ms is used up" in run.stop_reason


def test_the_cost_budget_runs_on_in_a_pause(planned: Any) -> None:
    """A paused run whose money is spent is ended, and the manifest says what it cost."""
    data = Gated(epochs_of=1)
    run = planned(net(), data, epochs=100, max_cost=0.5, price_per_hour=3600, currency="eur")
    run.start()
    run.pause()
    data.let(1)
    run.wait(60)
    assert str(run.status) == "stopped"
    assert "the budget of 0.50 EUR is spent" in run.stop_reason
    cost = json.loads((run.dir / "manifest.json").read_text())["cost"]
    assert (cost["price_per_hour"], cost["currency"]) == (3600, "EUR")
    assert cost["cost"] == pytest.approx(run.progress.elapsed_s, rel=1e-6)


def test_a_run_within_its_budgets_completes(train: Any) -> None:
    """Budgets that are not spent change nothing, and the price is kept."""
    run = train(net(), loader(), epochs=1, max_time="1h", max_cost=5, price_per_hour=0.5)
    assert (str(run.status), run.stop_reason) == ("completed", "")
    assert json.loads((run.dir / "manifest.json").read_text())["cost"]["currency"] == "USD"


def test_the_plan_shows_what_may_end_the_run(planned: Any) -> None:
    """Each limit is a line of the plan; what was not asked for says what happens by default."""
    run = planned(
        net(), loader(), val=loader(), epochs=1, max_time="90m", max_cost=5, price_per_hour=2.5,
        currency="EUR", stop_grad_norm=100, patience=3,
    )  # fmt: skip
    said = run.plan.report().to_markdown()
    for words in (
        "1:30:00, pauses left out", "5.00 EUR at 2.50 EUR an hour, pauses included", "stops above 100",
        "3 evaluations in a row that each rise by more than 10 %", "after 3 evaluations without",
    ):  # fmt: skip
        assert words in said
    assert run.plan.config["training"]["max_time"] == 5400
    alone = planned(net(), loader(), epochs=1).plan.report().to_markdown()
    assert "3 epochs in a row whose training loss rises by more than 10 %" in alone
    off = stop_lines(TrainOptions.from_words({"stop_rise": 0}))
    assert ("Rising loss", "does not stop the run") in [(line.label, line.value) for line in off]
