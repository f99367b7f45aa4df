"""Moments of a run: the generators come back to where they were, and are copied only when they have moved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from nbtrain.train import moment as moment_module
from nbtrain.train.moment import Moments, stamp_of_generator

CPU = torch.device("cpu")

DRAWS: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "one": lambda: torch.rand(1),
    "all words of the twister": lambda: torch.rand(624),
    "twice all words": lambda: torch.rand(1248),
    "a normal, whose twin is kept": lambda: torch.randn(1),
    "a double, whose twin is kept": lambda: torch.randn(1, dtype=torch.float64),
    "many normals": lambda: torch.randn(100),
    "dropout": lambda: torch.dropout(torch.ones(10), 0.5, True),
    "an order": lambda: torch.randperm(50),
    "the same seed again": lambda: torch.manual_seed(0),
    "another seed": lambda: torch.manual_seed(1),
    "another state": lambda: torch.set_rng_state(torch.Generator().manual_seed(7).get_state()),
}


@pytest.fixture(autouse=True)
def generator_put_back() -> object:
    """Leave the generator as it was."""
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


@pytest.mark.parametrize("first", DRAWS)
@pytest.mark.parametrize("second", DRAWS)
def test_a_moment_comes_back(first: str, second: str) -> None:
    """Whatever was drawn before and after it, a moment puts the generator back to the bit."""
    torch.manual_seed(0)
    moments = Moments(CPU)
    DRAWS[first]()
    moment, state = moments.now(), torch.get_rng_state()
    DRAWS[second]()
    moments.now()
    moment.rewind()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(torch.randn(3), torch.randn(3, generator=_at(state)))


def _at(state: torch.Tensor) -> torch.Generator:
    generator = torch.Generator()
    generator.set_state(state)
    return generator


def test_the_second_of_two_normals_is_seen() -> None:
    """A draw that takes the number in reserve moves no counter, and is seen all the same."""
    torch.manual_seed(0)
    moments = Moments(CPU)
    torch.randn(1)
    moments.now()
    torch.randn(1)
    moment, state = moments.now(), torch.get_rng_state()
    torch.rand(5)
    moment.rewind()
    assert torch.equal(torch.get_rng_state(), state)


def test_steps_that_draw_nothing_share_a_copy() -> None:
    """This torch's generator can be looked at in memory: no copy is made while it stands still."""
    assert stamp_of_generator() is not None
    moments = Moments(CPU)
    first = moments.now()
    assert moments.now() is first
    torch.rand(1)
    assert moments.now() is not first


def test_where_memory_cannot_be_read_each_moment_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a torch whose generator lies otherwise in memory moments are as exact, at the price of copies."""
    monkeypatch.setattr(moment_module, "_HEADERS", range(0))
    assert stamp_of_generator() is None
    moments = Moments(CPU)
    torch.rand(1)
    moment, state = moments.now(), torch.get_rng_state()
    torch.rand(1)
    moment.rewind()
    assert torch.equal(torch.get_rng_state(), state)
