"""Generators that objects carry."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from nbtrain.runs.generators import find_generators, put_states, seed_generator, states_of

KINDS: dict[str, Any] = {
    "torch": lambda: torch.Generator().manual_seed(1),
    "random": lambda: random.Random(1),
    "numpy's old": lambda: np.random.RandomState(1),
    "numpy's new": lambda: np.random.default_rng(1),
    "numpy's new, Philox": lambda: np.random.Generator(np.random.Philox(1)),
}


def draw(generator: Any) -> float:
    if isinstance(generator, torch.Generator):
        return float(torch.rand((), generator=generator))
    return float(generator.random())


@pytest.mark.parametrize("kind", KINDS)
def test_a_generator_goes_on_where_it_was(kind: str, tmp_path: Path) -> None:
    """Through a file that weights_only reads, a generator of a fresh object draws the same numbers."""
    holder = SimpleNamespace(inner=[{"transform": SimpleNamespace(rng=KINDS[kind]())}])
    (way,) = find_generators(holder)
    draw(holder.inner[0]["transform"].rng)
    torch.save(states_of(find_generators(holder)), tmp_path / "state.pt")
    expected = [draw(holder.inner[0]["transform"].rng) for _ in range(3)]
    fresh = SimpleNamespace(inner=[{"transform": SimpleNamespace(rng=KINDS[kind]())}])
    lost = put_states(find_generators(fresh), torch.load(tmp_path / "state.pt", weights_only=True))

    assert (lost, way) == ([], "inner.0.transform.rng")
    assert [draw(fresh.inner[0]["transform"].rng) for _ in range(3)] == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_starts_a_generator_anew(kind: str) -> None:
    """The same seed gives the same numbers, another one others; seeds of 63 bits are taken."""
    generator, seen = KINDS[kind](), []
    for seed in (2**63 - 1, 2**63 - 1, 5):
        seed_generator(generator, seed)
        seen.append(draw(generator))

    assert seen[0] == seen[1] != seen[2]


def test_looking_for_generators_runs_nobodys_code() -> None:
    """Lists that count their passes, properties and long containers are not touched; cycles end."""

    class Counting(list):
        passes = 0

        def __iter__(self) -> Any:
            self.passes += 1
            return super().__iter__()

        @property
        def trap(self) -> None:
            raise AssertionError

    counting = Counting([random.Random(1)])
    holder = SimpleNamespace(counting=counting, long=[torch.Generator()] * 1000, data=torch.zeros(3))
    holder.itself = holder

    assert list(find_generators(holder)) == ["counting.0"]
    assert counting.passes == 0


def test_what_is_gone_or_another_kind_is_told() -> None:
    """A generator that is not there any more, or is one of another kind, is named."""
    states = states_of({"a": random.Random(1), "b": torch.Generator()})

    assert put_states({"a": np.random.default_rng(1)}, states) == ["a", "b"]


def test_the_generators_of_the_process_are_not_an_objects() -> None:
    """An object that holds numpy's or torch's global generator carries none of its own."""
    assert find_generators(SimpleNamespace(t=torch.default_generator, n=np.random.mtrand._rand)) == {}
