"""A stall changes nothing unless asked for; then the rate is raised and the weights drawn anew, once each."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from setups import loader, net, same_weights
from test_run import Gated, until
from torch import nn

from nbtrain.errors import UsageError
from nbtrain.train.fresh import initialise_again
from nbtrain.widgets.panel import ACTIONS
from nbtrain.widgets.state import alerts_state


class Flat(nn.Module):
    """A criterion that always gives 2.5, with gradients of zero."""

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return output.sum() * 0 + 2.5


def stalled(train: Any, model: nn.Module, epochs: int, **options: Any) -> Any:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    return train(
        model, list(loader(16)), loss=Flat(), optimizer=optimizer, epochs=epochs, **options
    ), optimizer


def test_by_default_a_stall_is_said_and_nothing_changed(train: Any) -> None:
    """The alert comes with its page's name, rate and weights stay."""
    model = net()
    before = copy.deepcopy(model)
    run, optimizer = stalled(train, model, 40)
    assert [alert.rule for alert in run.alerts] == ["convergence-stall"] * 2
    assert "explain convergence-stall" in run.alerts[0].recommended
    assert optimizer.param_groups[0]["lr"] == 0.01
    assert same_weights(model, before)
    assert run.events == []


def test_recover_raises_the_rate_then_draws_new_weights(train: Any) -> None:
    """Each is done once, said, and an event; a third stall is an alert only."""
    model = net()
    before = copy.deepcopy(model)
    run, optimizer = stalled(train, model, 60, on_stall="recover")
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.03)
    assert not same_weights(model, before)
    assert [(event["kind"], event["epoch"]) for event in run.events] == [
        ("stall-recovery", 16), ("stall-recovery", 31),
    ]  # fmt: skip
    assert run.events[0]["lr"] == {"from": 0.01, "to": pytest.approx(0.03)}
    assert run.events[1]["new_weights"] == sum(p.numel() for p in model.parameters())
    assert [alert.rule for alert in run.alerts].count("stall-recovered") == 2


def test_weights_that_nobody_can_draw_again_are_left() -> None:
    """A module that does not know how to begin anew is named, and nothing is changed."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.ones(3))

    model = nn.Sequential(nn.Linear(3, 3), Own())
    before = copy.deepcopy(model)
    with pytest.raises(UsageError, match=r"`1` \(Own\) has weights and no reset_parameters"):
        initialise_again(model, torch.optim.SGD(model.parameters(), lr=1.0))
    assert same_weights(model, before)
    model[1].table.requires_grad_(False)
    assert initialise_again(model, torch.optim.SGD(model.parameters(), lr=1.0)) == 12


def test_a_new_start_forgets_the_optimizers_memory() -> None:
    """Parameters stay the same objects, statistics of batch norms begin anew, and Adam remembers nothing."""
    model = net(norm=True)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(8, 8)).sum().backward()
    optimizer.step()
    parameters = list(model.parameters())
    initialise_again(model, optimizer)
    assert all(one is other for one, other in zip(model.parameters(), parameters, strict=True))
    assert torch.equal(model[1].running_mean, torch.zeros(12))
    assert not optimizer.state


def test_what_the_alert_offers_is_done_at_the_next_step(planned: Any) -> None:
    """The buttons at the alert raise the rate and draw new weights of a living run; both are events."""
    model = net()
    before = copy.deepcopy(model)
    data = Gated(epochs_of=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    run = planned(model, data, loss=Flat(), optimizer=optimizer, epochs=100)
    run.start()
    data.let(17)
    until(lambda: run.alerts)
    (offers,) = [item["offers"] for item in alerts_state(run.alerts)["items"]]
    assert offers == ["raise-lr", "new-weights"]
    for action in offers:
        ACTIONS[action](run)
    data.let(1)
    until(lambda: len(run.events) == 2)
    run.stop()
    data.let(100)
    run.wait(60)
    assert [event["kind"] for event in run.events] == ["lr", "new-weights"]
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.03)
    assert not same_weights(model, before)
    with pytest.raises(UsageError, match="is over"):
        run.initialise_again()
