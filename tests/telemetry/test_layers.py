"""Gradient norms and update ratios of parameters, sampled."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from nbtrain.telemetry import layers
from nbtrain.telemetry.layers import SAMPLE_SECONDS, LayerSampler


def updated(sampler: LayerSampler, parameters: list[Tensor], *, by: float, now: float = 0.0) -> None:
    sampler.before_update()
    for parameter in parameters:
        parameter.data += by
    sampler.after_update(7, {p: torch.tensor(3.0) for p in parameters[:1]}, now)


def test_a_sample_is_norm_and_ratio_of_each_parameter() -> None:
    """The ratio is ||change|| / ||weight before||; a parameter without a gradient has no norm."""
    parameters = [torch.full((4,), 2.0), torch.full((9,), 1.0, dtype=torch.float64)]
    sampler = LayerSampler([("a", parameters[0]), ("b", parameters[1])])
    assert sampler.take() is None
    updated(sampler, parameters, by=0.5)
    sample = sampler.take()

    assert sample.step == 7
    assert sample.grad_norms["a"] == 3.0
    assert math.isnan(sample.grad_norms["b"])
    assert sample.update_ratios == pytest.approx({"a": 0.25, "b": 0.5})
    assert sampler.take() is None, "taken once"


def test_samples_are_rare_and_wait_for_the_reader() -> None:
    """The next is due a second later, and only once the last one was taken."""
    parameter = torch.ones(2)
    sampler = LayerSampler([("a", parameter)])
    assert sampler.due(0.0)
    updated(sampler, [parameter], by=0.1, now=0.0)
    assert not sampler.due(10 * SAMPLE_SECONDS), "nobody has taken the last one"
    sampler.take()
    assert not sampler.due(SAMPLE_SECONDS / 2)
    assert sampler.due(10 * SAMPLE_SECONDS)
    assert not LayerSampler([]).due(0.0)


def test_a_large_model_shows_norms_where_it_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the copy limit a parameter has no ratio; smaller ones after it have one."""
    monkeypatch.setattr(layers, "COPY_LIMIT", 10)
    parameters = [torch.ones(8), torch.ones(5), torch.ones(2)]
    sampler = LayerSampler([(str(i), p) for i, p in enumerate(parameters)])
    updated(sampler, parameters, by=1.0)
    ratios = sampler.take().update_ratios

    assert (ratios["0"], ratios["2"]) == (1.0, 1.0)
    assert math.isnan(ratios["1"])
    assert sampler._before == [], "the copies are let go"
