"""Random generators, captured and put back."""

from __future__ import annotations

import io
import random

import numpy as np
import torch

from nbtrain.runs.rng import capture_rng, restore_rng


def draws() -> list[float]:
    return [random.gauss(0, 1), float(np.random.normal()), float(torch.randn(())), random.random()]


def test_every_generator_goes_on_where_it_was() -> None:
    """After a round trip through a file all generators draw the same numbers, pending gauss values too."""
    draws()
    buffer = io.BytesIO()
    torch.save(capture_rng(), buffer)
    expected = [draws() for _ in range(3)]
    buffer.seek(0)
    missing = restore_rng(torch.load(buffer, weights_only=True))

    assert missing == []
    assert [draws() for _ in range(3)] == expected


def test_capturing_changes_nothing() -> None:
    """Capturing the state does not move any generator."""
    state = capture_rng()
    capture_rng()
    first = draws()
    restore_rng(state)
    assert draws() == first


def test_what_is_missing_is_said() -> None:
    """A state without a generator, or of a machine with other devices, is told in words and not an error."""
    before = capture_rng()
    missing = restore_rng({"torch": before["torch"], "cuda": [before["torch"]] * 2, "mps": before["torch"]})

    assert len(missing) == (3 if torch.backends.mps.is_available() else 4)
    assert any("numpy" in sentence for sentence in missing)
    assert any("2 CUDA devices, this machine has" in sentence for sentence in missing)
