"""When a scheduler is stepped: its own numbers and words decide, and what nothing decides is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as lrs

from nbtrain.train.schedule import choose_schedule

EPOCHS, STEPS = 10, 200  # 20 steps an epoch


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


CASES: list[tuple[str, Callable[[Any], Any], str, bool]] = [
    ("one cycle", lambda o: lrs.OneCycleLR(o, max_lr=0.1, total_steps=STEPS), "step", False),
    ("cosine over epochs", lambda o: lrs.CosineAnnealingLR(o, T_max=EPOCHS), "epoch", False),
    ("cosine over steps", lambda o: lrs.CosineAnnealingLR(o, T_max=STEPS), "step", False),
    ("cosine of neither", lambda o: lrs.CosineAnnealingLR(o, T_max=50), "epoch", True),
    ("step every 30", lambda o: lrs.StepLR(o, 30), "epoch", True),
    ("step every 3", lambda o: lrs.StepLR(o, 3), "epoch", False),
    ("milestones in epochs", lambda o: lrs.MultiStepLR(o, [4, 8]), "epoch", False),
    ("milestones in steps", lambda o: lrs.MultiStepLR(o, [100, 150]), "step", False),
    ("milestones beyond", lambda o: lrs.MultiStepLR(o, [30, 60]), "epoch", True),
    ("exponential", lambda o: lrs.ExponentialLR(o, 0.95), "epoch", False),
    ("lambda by epoch", lambda o: lrs.LambdaLR(o, lambda epoch: 0.95**epoch), "epoch", False),
    ("lambda by step", lambda o: lrs.LambdaLR(o, lambda step: min(1.0, (step + 1) / 20)), "step", False),
    ("lambda of nothing", lambda o: lrs.LambdaLR(o, lambda n: 0.95**n), "step", True),
    ("multiplied by epoch", lambda o: lrs.MultiplicativeLR(o, lambda epoch: 0.95), "epoch", False),
    ("plateau", lambda o: lrs.ReduceLROnPlateau(o), "evaluation", False),
    (
        "warm-up and cosine in steps",
        lambda o: lrs.SequentialLR(
            o, [lrs.LinearLR(o, total_iters=20), lrs.CosineAnnealingLR(o, T_max=180)], [20]
        ),
        "step",
        False,
    ),
]


@pytest.mark.parametrize(("make", "every", "unsure"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_the_rhythm_is_read_from_the_scheduler(make: Callable[[Any], Any], every: str, unsure: bool) -> None:
    """Each usual scheduler is stepped as its numbers or its function's words say; doubt is marked."""
    found = choose_schedule(make(optimizer()), epochs=EPOCHS, total_steps=STEPS)

    assert (found.every, found.unsure) == (every, unsure), found.why


def test_what_the_person_says_decides() -> None:
    """scheduler_step wins over what the numbers suggest, and leaves no doubt."""
    found = choose_schedule(lrs.StepLR(optimizer(), 30), epochs=EPOCHS, total_steps=STEPS, asked="step")

    assert (found.every, found.unsure, found.why) == ("step", False, "as asked")
