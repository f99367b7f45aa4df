"""Two runs on shared weights: refused, however the sharing came about; copies are free."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from setups import loader, net
from torch import nn
from torch.optim.swa_utils import AveragedModel

from nbtrain.errors import UsageError


def same_layer(model: nn.Sequential) -> nn.Module:
    return nn.Sequential(model[0], nn.ReLU(), nn.Linear(12, 3))


def tied_memory(model: nn.Sequential) -> nn.Module:
    other = net(1)
    other[0].weight = nn.Parameter(model[0].weight.detach())
    return other


def a_view(model: nn.Sequential) -> nn.Module:
    other = nn.Sequential(nn.Linear(8, 3))
    other[0].weight = nn.Parameter(model[0].weight.detach()[:3])
    return other


@pytest.mark.parametrize("sharing", [same_layer, tied_memory, a_view])
def test_a_second_run_on_shared_weights_is_refused(train: Any, sharing: Callable[..., nn.Module]) -> None:
    """A shared layer, a parameter made over the same memory, a view of it: refused, and nothing has begun."""
    model = net()
    run = train(model, loader(), epochs=10**6, wait=False)
    with pytest.raises(UsageError, match=r"is training weights that this model shares with its own"):
        train(sharing(model), loader(), wait=False)

    assert run.status.alive
    assert len(list(run.dir.parent.iterdir())) == 1


def test_an_optimizer_that_holds_a_trained_models_weights_is_refused(train: Any) -> None:
    """Another model, but an optimizer that would step the weights of the first: refused."""
    model, other = net(), net(1)
    optimizer = torch.optim.SGD([*other.parameters(), *model.parameters()], lr=0.1)
    train(model, loader(), epochs=10**6, wait=False)

    with pytest.raises(UsageError, match="shares with its own"):
        train(other, loader(), optimizer=optimizer, wait=False)


@pytest.mark.parametrize("copied", [copy.deepcopy, AveragedModel])
def test_a_copy_trains_beside_it(train: Any, copied: Callable[..., nn.Module]) -> None:
    """A deep copy, and an average that is kept of the weights, share nothing and may train."""
    model = net()
    train(model, loader(), epochs=10**6, wait=False)
    run = train(copied(model), loader(), epochs=1)

    assert str(run.status) == "completed", run.error
