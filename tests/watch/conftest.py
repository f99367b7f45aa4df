"""What tests of followed loops share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from nbtrain.running import active

sys.path.insert(0, str(Path(__file__).parent))  # for `corpus`, which the tests here share


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Train with one torch thread: the models are tiny, and sums then have one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """End every run a test started and left."""
    yield
    for run in active.alive():
        run.stop()
        run.wait(60)
