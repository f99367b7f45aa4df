"""A rate set by hand: the ratio of the groups is kept, and each kind of schedule goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler as lrs

from nbtrain.running.learning_rate import set_learning_rate

SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "step": lambda o: lrs.StepLR(o, 3, 0.5),
    "multi-step": lambda o: lrs.MultiStepLR(o, [4, 9], 0.1),
    "exponential": lambda o: lrs.ExponentialLR(o, 0.9),
    "polynomial": lambda o: lrs.PolynomialLR(o, 30, 2.0),
    "linear": lambda o: lrs.LinearLR(o, 0.1, 1.0, 8),
    "constant": lambda o: lrs.ConstantLR(o, 0.5, 7),
    "lambda": lambda o: lrs.LambdaLR(o, lambda step: 0.9**step),
    "multiplicative": lambda o: lrs.MultiplicativeLR(o, lambda step: 0.95),
    "cosine": lambda o: lrs.CosineAnnealingLR(o, 8),
    "warm restarts": lambda o: lrs.CosineAnnealingWarmRestarts(o, 6),
    "one-cycle": lambda o: lrs.OneCycleLR(o, [0.2, 0.02], total_steps=40),
    "one-cycle in three": lambda o: lrs.OneCycleLR(o, [0.2, 0.02], total_steps=40, three_phase=True),
    "cyclic": lambda o: lrs.CyclicLR(o, [0.01, 0.001], [0.1, 0.01], step_size_up=7),
    "in sequence": lambda o: lrs.SequentialLR(
        o, [lrs.LinearLR(o, 0.1, 1.0, 7), lrs.CosineAnnealingLR(o, 20)], milestones=[7]
    ),
    "warm-up, then one cycle": lambda o: lrs.SequentialLR(
        o, [lrs.ConstantLR(o, 0.5, 6), lrs.OneCycleLR(o, [0.2, 0.02], total_steps=30)], milestones=[6]
    ),
    "chained": lambda o: lrs.ChainedScheduler([lrs.ConstantLR(o, 0.5, 9), lrs.ExponentialLR(o, 0.9)]),
}


def groups(lr: Any = 0.1) -> torch.optim.Optimizer:
    parts = [nn.Parameter(torch.ones(2)) for _ in range(2)]
    return torch.optim.SGD(
        [{"params": parts[0], "lr": lr}, {"params": parts[1], "lr": lr / 10}], momentum=0.9
    )


def rates(optimizer: Any) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore")
def test_each_kind_of_schedule_keeps_its_shape(name: str) -> None:
    """Set to a third after five steps, every later rate of both groups is a third of the untouched one."""
    curves = []
    for touched in (False, True):
        optimizer = groups()
        scheduler = SCHEDULES[name](optimizer)
        curve = []
        for step in range(25):
            if touched and step == 5:
                before = rates(optimizer)[0]
                assert set_learning_rate(optimizer, scheduler, before / 3) == before
            optimizer.step()
            curve.append(rates(optimizer))
            scheduler.step()
        curves.append(curve)
    untouched, changed = curves

    assert changed[:5] == untouched[:5]
    for before, after in zip(untouched[5:], changed[5:], strict=True):
        assert after == pytest.approx([rate / 3 for rate in before])


def test_a_plateau_goes_on_from_the_height() -> None:
    """ReduceLROnPlateau multiplies what the groups have: it needs nothing else."""
    optimizer = groups()
    scheduler = lrs.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    set_learning_rate(optimizer, scheduler, 0.04)
    for loss in (1.0, 1.0):
        scheduler.step(loss)

    assert rates(optimizer) == pytest.approx([0.02, 0.002])


def test_a_rate_of_zero_is_left_by_height() -> None:
    """In a warm-up that begins at 0 the groups stand to each other as the rates they began with."""
    optimizer = groups()
    scheduler = lrs.LambdaLR(optimizer, lambda step: step / 10)
    assert rates(optimizer) == [0, 0]
    set_learning_rate(optimizer, scheduler, 0.5)

    assert rates(optimizer) == pytest.approx([0.5, 0.05])
    for _ in range(10):
        optimizer.step()
        scheduler.step()
    assert rates(optimizer) == pytest.approx([0.5, 0.05])


def test_a_rate_in_a_tensor_is_written_into_it() -> None:
    """A captured or compiled step reads the tensor that it knows: the tensor stays the same one."""
    optimizer = groups(torch.tensor(0.1))
    held = [group["lr"] for group in optimizer.param_groups]
    set_learning_rate(optimizer, None, 0.2)

    assert [group["lr"] is one for group, one in zip(optimizer.param_groups, held, strict=True)] == [
        True,
        True,
    ]
    assert rates(optimizer) == pytest.approx([0.2, 0.02])
