"""Cells that draw from numpy and `random` while the run's thread draws from them too: told, not prevented."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np
import pytest
import torch
from setups import digits, loader, net
from torch import nn
from torch.utils.data import DataLoader, Dataset

from nbtrain.running.guards.positions import positions


class Draws(Dataset):
    """Adds noise from a generator of the process."""

    def __init__(self, kind: str) -> None:
        self.data, self.kind = digits(64), kind

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> Any:
        x, y = self.data[index]
        return x + (np.random.rand() if self.kind == "numpy" else random.random()), y


class LayerDrop(nn.Module):
    """Draws from both in its forward."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = net()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        np.random.rand()
        return self.inner(x) if random.random() < 2 else x


def told(train: Any, data: Any, cell: Any, model: Any = None, **options: Any) -> list[str]:
    """What was told of a run beside which a cell does something, again and again."""
    run = train(model or net(), data, epochs=10**6, wait=False, **options)
    until = time.monotonic() + 1.5
    while run.progress.step < 60 or (time.monotonic() < until and not run.events):
        assert run.status.alive, run.error
        time.sleep(0.005)
        if run.progress.step > 30:
            cell()
    run.stop()
    run.wait(60)
    return [event["what"] for event in run.events if event["kind"] == "cell-draws"][:1]


@pytest.mark.parametrize(
    ("kind", "draw", "name"), [("numpy", np.random.rand, "numpy.random"), ("random", random.random, "random")]
)
def test_a_shared_generator_is_told(train: Any, kind: str, draw: Any, name: str) -> None:
    """The data set draws from it in this process, a cell does too: an event that names it."""
    assert told(train, DataLoader(Draws(kind), batch_size=8), draw) == [name]


def test_what_is_not_shared_is_not_told(train: Any) -> None:
    """Data that draws nothing, draws from the other generator, or is read by workers: nothing to tell."""
    assert told(train, loader(), np.random.rand) == []
    assert told(train, DataLoader(Draws("numpy"), batch_size=8), random.random) == []
    assert told(train, DataLoader(Draws("numpy"), batch_size=8, num_workers=1), np.random.rand) == []


def test_a_model_that_draws_itself_is_not_told(train: Any) -> None:
    """A model whose forward draws from the same generators is no cell."""
    assert told(train, DataLoader(Draws("numpy"), batch_size=8), lambda: None, LayerDrop()) == []


def test_a_seeded_run_tells_what_becomes_of_the_cells_numbers(train: Any) -> None:
    """With a seed each batch puts the generators back: what a cell drew meanwhile may come again."""
    assert told(train, loader(), np.random.rand, seed=3) == ["numpy.random"]


def test_positions_move_with_each_draw() -> None:
    """The counters read in memory are those that the generators tell of themselves."""
    read = positions()
    assert set(read) == {"numpy.random", "random"}
    for draw, name in ((np.random.rand, "numpy.random"), (random.random, "random")):
        for _ in range(700):
            before = read[name]()
            draw()
            assert read[name]() != before
    state = np.random.get_state()
    before = read["numpy.random"]()
    np.random.rand(5)
    np.random.set_state(state)
    assert read["numpy.random"]() == before
