"""A rehearsal leaves all bit-equal: weights, gradients, buffers, modes, counters, generators, hooks."""

from __future__ import annotations

import copy
import random
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from setups import digits, loader, net
from torch import nn
from torch.utils.data import DataLoader

from nbtrain.errors import UsageError

CE = nn.CrossEntropyLoss()


class Busy(nn.Module):
    """Changes everything a forward can change, and draws from every generator."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.inner = net(dropout=0.5, norm=True)
        self.register_buffer("seen", torch.zeros(3))
        self.register_buffer("replaced", torch.zeros(2))
        self.register_buffer("absent", None)
        self.calls, self.fails = 0, fails

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.seen += random.random() + np.random.rand()
        self.replaced = torch.ones(2)
        self.inner[1].eval()
        if self.fails:
            raise ValueError("not today")
        return self.inner(x)


def state_of(model: nn.Module, data: DataLoader) -> dict[str, Any]:
    return {
        "weights": copy.deepcopy(model.state_dict()),
        "grads": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "modes": [module.training for module in model.modules()],
        "calls": model.calls,
        "hooks": [len(module._forward_hooks) for module in model.modules()],
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].copy(),
        "loader": data.generator.get_state(),
    }


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(equal(a, b) for a, b in zip(one, other, strict=True))
    return one == other


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_nothing_is_changed(planned: Any, fails: bool, training: bool) -> None:
    """After planning, all is as before to the bit, in the same tensors; also when it failed."""
    data = DataLoader(digits(), batch_size=16, shuffle=True, generator=torch.Generator().manual_seed(5))
    model = Busy(fails=fails).train(training)
    model.inner[1].eval()
    model.inner[0].weight.grad = torch.ones_like(model.inner[0].weight)
    before, tensors = state_of(model, data), [model.inner[0].weight.grad, model.seen, model.replaced]
    plan = planned(model, data, loss=CE).plan

    assert bool(plan.rehearsal.failure) == fails
    after = state_of(model, data)
    assert {name: equal(before[name], after[name]) for name in before} == dict.fromkeys(before, True)
    assert all(
        now is then
        for now, then in zip([model.inner[0].weight.grad, model.seen, model.replaced], tensors, strict=True)
    )


def test_it_measures_what_the_plan_states(planned: Any) -> None:
    """Shapes of every module, the starting loss, the samples and a time come from one batch."""
    model = net()
    rehearsal = planned(model, loader()).plan.rehearsal
    x, y = next(iter(loader()))

    assert rehearsal.output_shapes == {
        "": "16 × 3",
        "0": "16 × 12",
        "1": "16 × 12",
        "2": "16 × 12",
        "3": "16 × 3",
    }
    assert rehearsal.loss == pytest.approx(float(CE(model(x), y).detach()))
    assert (rehearsal.samples, rehearsal.output, rehearsal.target) == (16, "(16, 3) float32", "(16,) int64")
    assert len(rehearsal.times_s) > 1 and min(rehearsal.times_s) > 0


def test_a_model_that_fails_now_and_then_is_planned_all_the_same(planned: Any) -> None:
    """Whatever rehearsed batch the person's model fails at, the plan stands and says it."""

    class Moody(nn.Linear):
        calls = 0

        def forward(self, x: Any) -> Any:
            Moody.calls += not self.training
            if Moody.calls > 2:
                raise ValueError("not today")
            return super().forward(x)

    plan = planned(Moody(8, 3), loader(), val=loader(), epochs=1).plan
    assert "A validation may fail: ValueError: not today." in plan.warnings




@pytest.mark.parametrize(
    ("loss", "width", "warned"),
    [
        (nn.MSELoss(), (), True),
        (nn.functional.smooth_l1_loss, (), True),
        (lambda output, target: ((output - target) ** 2).mean(), (), True),
        (lambda output, target: ((output.squeeze(1) - target) ** 2).mean(), (), False),
        (lambda output, target: ((output - target) ** 2).mean(), (1,), False),
        (lambda output, target: ((output - target) ** 2).mean() + torch.rand(()), (), False),
    ],
)
def test_a_loss_that_broadcasts_is_told_with_both_shapes(
    planned: Any, loss: Any, width: tuple[int, ...], warned: bool
) -> None:
    """(16, 1) against (16,) is said in our words with the way out, whoever wrote the loss; nobody else is."""
    torch.manual_seed(0)
    batches = [(x, torch.randn(len(x), *width)) for x, _ in loader()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = planned(nn.Linear(8, 1), batches, loss=loss, epochs=1).plan
    said = [one for one in plan.warnings if "broadcasts" in one]

    assert len(said) == warned
    if warned:
        assert "output (16, 1) against target (16,)" in said[0] and "target.unsqueeze(-1)" in said[0]


def test_numbers_without_a_loss_are_told_how(planned: Any) -> None:
    """Where no loss fits by itself the advice is for numbers, not for classes."""
    batches = [(x, torch.randn(len(x))) for x, _ in loader()]
    with pytest.raises(UsageError, match=r"target.unsqueeze\(-1\).* and define criterion = nn.MSELoss\(\)"):
        planned(nn.Linear(8, 1), batches, loss=None, epochs=1)


def test_a_batch_without_samples_is_refused(planned: Any) -> None:
    """A loader whose first batch is empty yields nothing usable; nothing is started on it."""
    with pytest.raises(UsageError, match=r"The first batch of the training loader has no samples: \("):
        planned(net(), [(torch.zeros(0, 8), torch.zeros(0, dtype=torch.long))] * 3, epochs=1)
