"""Live objects against each other: stale, missing and frozen parameters, schedulers, hidden layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nbtrain.findings import Confidence
from nbtrain.review import review_source


def found(**namespace: Any) -> dict[str, Confidence]:
    return {one.rule: one.confidence for one in review_source(None, namespace=namespace).findings}


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=1e-3)


def test_a_matching_optimizer_is_left_alone() -> None:
    """A model with its own optimizer and scheduler raises nothing."""
    model = net()
    optimizer = adam(model)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5)

    assert found(model=model, optimizer=optimizer, scheduler=scheduler) == {}


def test_an_optimizer_of_an_earlier_model_is_stale() -> None:
    """An optimizer of the same shapes whose tensors no model has was made for an earlier model."""
    assert found(model=net(), optimizer=adam(net())) == {"optimizer-stale-params": Confidence.CERTAIN}


def test_a_swapped_head_is_stale_and_said_once() -> None:
    """A layer replaced after the optimizer was made is one finding, not two."""
    model = net()
    optimizer = adam(model)
    model[2] = nn.Linear(8, 5)

    assert found(model=model, optimizer=optimizer) == {"optimizer-stale-params": Confidence.CERTAIN}


def test_loose_tensors_are_no_stale_parameters() -> None:
    """A tensor that a name of the notebook holds is optimised on purpose."""
    image = torch.zeros(3, requires_grad=True)

    assert found(model=net(), image=image, optimizer=torch.optim.Adam([image], lr=1e-3)) == {}


def test_parameters_in_no_optimizer_are_counted() -> None:
    """Trainable parameters that no optimizer holds are named; two optimizers may share a model."""
    model = net()
    head = torch.optim.AdamW(model[2].parameters(), lr=1e-3)
    body = torch.optim.AdamW(model[0].parameters(), lr=1e-3)

    assert found(model=model, head=head) == {"optimizer-missing-params": Confidence.CERTAIN}
    assert found(model=model, head=head, body=body) == {}
    model[0].requires_grad_(False)
    assert found(model=model, head=head) == {}


def test_a_frozen_model_cannot_learn() -> None:
    """An optimizer none of whose tensors requires a gradient is reported; one with some frozen is a note."""
    model = net()
    optimizer = adam(model)
    model[0].requires_grad_(False)
    assert found(model=model, optimizer=optimizer) == {"frozen-parameters-optimized": Confidence.CERTAIN}

    model.requires_grad_(False)
    assert found(model=model, optimizer=optimizer) == {"frozen-everything": Confidence.CERTAIN}


def test_a_scheduler_of_an_earlier_optimizer() -> None:
    """A scheduler whose optimizer was made anew over the same parameters drives nothing."""
    model = net()
    scheduler = torch.optim.lr_scheduler.StepLR(adam(model), 5)

    seen = found(model=model, optimizer=adam(model), scheduler=scheduler)
    assert seen == {"scheduler-on-other-optimizer": Confidence.CERTAIN}


def test_half_precision_parameters() -> None:
    """An optimizer of PyTorch's own over float16 parameters is reported."""
    model = net().half()

    assert found(model=model, optimizer=adam(model)) == {"pure-fp16-training": Confidence.CERTAIN}


def test_layers_in_a_plain_list() -> None:
    """Layers in a list that are registered nowhere are seen on the live model."""
    model = net()
    model.extra = [nn.Linear(2, 2)]
    model.known = [model[0]]
    assert found(model=model) == {"unregistered-submodules": Confidence.CERTAIN}

    model.extra = nn.ModuleList(model.extra)
    assert found(model=model) == {}


def test_looking_for_them_runs_no_property() -> None:
    """Identity is compared through plain attribute dicts: a model's own properties do not run."""

    class Odd(nn.Module):
        @property
        def parameters(self) -> Any:
            raise RuntimeError("ran")

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                return super().__getattr__(name)
            pytest.fail(f"asked for {name}")

    model = Odd()
    model.lin = nn.Linear(2, 2)

    assert review_source(None, namespace={"model": model}).caveats == ()
