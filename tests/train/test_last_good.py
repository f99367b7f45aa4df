"""A run can go back to the newest state known to be good, and keeps its settings and its place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from setups import loader, net
from torch import nn

from nbtrain.notebook.namespace import find_setup
from nbtrain.train.last_good import LastGood
from nbtrain.train.options import TrainOptions
from nbtrain.train.plan import make_plan

OPTIMIZERS = {
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-2),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "plain sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "amsgrad": lambda p: torch.optim.Adam(p, amsgrad=True),
    "lbfgs": lambda p: torch.optim.LBFGS(p, max_iter=2),
}


def steps(work: Any, batches: Any) -> None:
    for x, y in batches:

        def closure(x: Any = x, y: Any = y) -> torch.Tensor:
            work.optimizer.zero_grad()
            loss = nn.functional.cross_entropy(work.model(x), y)
            loss.backward()
            return loss

        work.optimizer.step(closure)


def work_with(make: Any, model: nn.Module | None = None) -> Any:
    model = model or net(norm=True)
    optimizer = make(model.parameters())
    setup = find_setup({}, model=model, data=loader(), optimizer=optimizer, loss=nn.CrossEntropyLoss())
    return make_plan(setup, TrainOptions.from_words({"log": "json", "no_val": True})).work


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_going_back_and_on_is_the_same_run(name: str) -> None:
    """After a restore the same batches give the same weights to the bit, with a fresh optimizer too."""
    batches = list(loader(96))
    for before in (0, 3):
        work = work_with(OPTIMIZERS[name])
        steps(work, batches[:before])
        good = LastGood(None)
        good.take(work, before)
        steps(work, batches[before:])
        once = copy.deepcopy(work.model.state_dict())
        said = good.restore(work)
        steps(work, batches[before:])
        again = work.model.state_dict()
        assert all(torch.equal(once[key], again[key]) for key in once)
        assert said == ("the weights it began with" if not before else "the weights of step 3")


def test_settings_stay_as_they_are() -> None:
    """A learning rate that was changed since is kept; the copy itself is not touched by later steps."""
    work = work_with(OPTIMIZERS["adamw"])
    good = LastGood(None)
    good.take(work, 0)
    for group in work.optimizer.param_groups:
        group["lr"] = 1e-5
    steps(work, list(loader(32)))
    good.restore(work)
    assert work.optimizer.param_groups[0]["lr"] == 1e-5
    assert not work.optimizer.state
    steps(work, list(loader(32)))
    assert good.restore(work) == "the weights it began with"


def test_moments_keep_their_own_precision() -> None:
    """Float32 moments of bfloat16 weights come back as they were, not rounded."""
    work = work_with(OPTIMIZERS["adamw"])
    steps(work, list(loader(32)))
    work.model.to(torch.bfloat16)
    first = next(iter(work.optimizer.state.values()))["exp_avg"].clone()
    good = LastGood(None)
    good.take(work, 1)
    good.restore(work)
    back = next(iter(work.optimizer.state.values()))["exp_avg"]
    assert back.dtype is torch.float32
    assert torch.equal(back, first)


def test_a_checkpoint_goes_before_the_copy(train: Any) -> None:
    """Once a checkpoint is on disk it is what a run goes back to; without either nothing is changed."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    run = train(model, loader(), optimizer=optimizer, epochs=1)
    saved = copy.deepcopy(model.state_dict())
    work = work_with(lambda p: optimizer, model)
    good = LastGood(run.checkpoints)
    good.take(work, 0)
    steps(work, list(loader()))
    assert good.restore(work) == "the checkpoint of step 7"
    assert all(torch.equal(saved[key], value) for key, value in model.state_dict().items())

    none = LastGood(None)
    before = copy.deepcopy(model.state_dict())
    assert none.restore(work) == ""
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
