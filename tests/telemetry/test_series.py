"""A run's history in memory, and its smoothed loss."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nbtrain.telemetry.series import CHUNK_ROWS, Series, Smoother


def test_rows_over_several_chunks_come_back() -> None:
    """Appended in uneven parts over chunk borders, the frame is what was appended, indexed by step."""
    series, values = Series(("loss", "lr")), np.random.default_rng(0).random(2 * CHUNK_ROWS + 100)
    start = 0
    for size in (1, CHUNK_ROWS - 1, CHUNK_ROWS + 50, 50):
        steps = np.arange(start, start + size)
        series.extend(steps, {"loss": values[steps]})
        start += size
    frame = series.frame()

    assert len(series) == len(frame) == start
    assert frame.index.name == "step"
    assert np.array_equal(frame["loss"], values[:start])
    assert frame["lr"].isna().all(), "a column that was not given"


def test_a_frame_is_a_copy_and_a_later_row_of_a_step_wins() -> None:
    """A frame is a copy, a step recorded twice has its later row, and no rows are an empty frame."""
    series = Series(("loss",))
    assert list(series.frame().columns) == ["loss"]
    series.extend(np.array([1, 2]), {"loss": np.array([1.0, 2.0])})
    frame = series.frame()
    frame.loc[1, "loss"] = 99.0
    series.extend(np.array([2, 3]), {"loss": np.array([5.0, 3.0])})

    assert series.frame()["loss"].to_dict() == {1: 1.0, 2: 5.0, 3: 3.0}


def test_the_smoothed_loss_does_not_depend_on_the_blocks() -> None:
    """In blocks or at once the curve is the same; it starts at the first value and is calm."""
    values = np.random.default_rng(1).random(500) + np.linspace(3, 0, 500)
    once = Smoother().extend(values)
    smoother = Smoother()
    parts = np.concatenate([smoother.extend(part) for part in np.array_split(values, 23)])

    assert np.array_equal(once, parts)
    assert once[0] == values[0]
    assert values.min() <= once.min() <= once.max() <= values.max()
    assert np.std(np.diff(once[-200:])) < 0.1 * np.std(np.diff(values[-200:]))


def test_values_that_are_no_numbers_are_passed_over() -> None:
    """NaN and infinity leave the mean as it was; before any finite value it is NaN."""
    smooth = Smoother().extend(np.array([math.nan, 2.0, math.inf, math.nan, 2.0]))

    assert math.isnan(smooth[0])
    assert smooth[1:].tolist() == pytest.approx([2.0, 2.0, 2.0, 2.0])
