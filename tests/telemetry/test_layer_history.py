"""The layers' history: what it keeps of any number of samples, and how it is sent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nbtrain.telemetry.layer_history import (
    ABSENT,
    INFINITE,
    ZERO,
    LayerHistory,
    decoded,
    encoded,
    merged,
    rows_of,
)
from nbtrain.telemetry.layers import LayerSample

NAMES = ("0.weight", "0.bias", "2.weight")


def sample(step: int, norms: Any = (3.0, 4.0, 1e-5), ratios: Any = (1e-3, 2e-3, 1e-4)) -> LayerSample:
    pairs = (dict(zip(NAMES, values, strict=True)) for values in (norms, ratios))
    return LayerSample(step, *pairs)


def page_of(history: LayerHistory, *, max_bytes: int = 6000) -> tuple[np.ndarray, np.ndarray, int]:
    """Steps, values (columns, 2, rows) and number of messages, as an empty page gets them."""
    steps, codes, at, level, messages = [], [], 0, 0, 0
    while True:
        header, data = history.blocks_since(level, at, max_bytes)
        level, rows, messages = header["level"], header["rows"], messages + 1
        size = 8 + 4 * rows
        for column in range(header["count"]):
            part = data[column * size : (column + 1) * size]
            steps.append(np.frombuffer(part[:8], "<f8")[0])
            codes.append(np.frombuffer(part[8:], "<u2").reshape(2, rows))
        at = header["offset"] + header["count"]
        if at >= -(-header["samples"] // (1 << level)):
            return np.array(steps), decoded(np.array(codes)), messages


def test_a_row_is_a_module_with_the_norm_over_its_parameters() -> None:
    """Weight and bias of a layer are one row: norms add up as vectors, the largest ratio counts."""
    history = LayerHistory()
    history.add(sample(7))
    steps, values, _ = page_of(history)

    assert history.names == ("0", "2")
    assert steps.tolist() == [7]
    assert values[0, 0] == pytest.approx([5.0, 1e-5], rel=2e-3)
    assert values[0, 1] == pytest.approx([2e-3, 1e-4], rel=2e-3)


def test_codes_keep_values_to_a_thousandth_and_tell_the_odd_ones() -> None:
    """Over forty powers of ten the error is below 0.2 %; zero, infinite and absent are told apart."""
    values = np.geomspace(1e-19, 1e19, 999)
    assert decoded(encoded(values)) == pytest.approx(values, rel=2e-3)
    odd = encoded(np.array([0.0, math.inf, math.nan, 1e-300, 1e300]))

    assert odd[:3].tolist() == [ZERO, INFINITE, ABSENT]
    assert ZERO < odd[3] < odd[4] < INFINITE
    assert decoded(odd[:2]).tolist() == [0.0, math.inf]


def test_merging_is_the_middle_and_odd_values_have_a_rank() -> None:
    """Infinite wins over all, absent and zero give way to what was measured."""
    left = np.array([100, ABSENT, ZERO, INFINITE, ABSENT, ABSENT], np.uint16)
    right = np.array([300, 300, 300, 300, ZERO, ABSENT], np.uint16)

    assert merged(left, right).tolist() == [200, 300, 300, INFINITE, ZERO, ABSENT]
    assert merged(right, left).tolist() == merged(left, right).tolist()


@pytest.mark.parametrize("count", [1, 127, 128, 129, 130, 1000, 5000])
def test_any_number_of_samples_fits_and_nothing_of_the_time_is_lost(count: int) -> None:
    """At most 128 columns; their steps rise to the newest sample, their values follow the layers."""
    history = LayerHistory()
    for step in range(1, count + 1):
        history.add(sample(step, norms=(step, 0.0, 1.0), ratios=(1e-3, math.nan, math.nan)))
    steps, values, _ = page_of(history)

    assert len(steps) <= 128
    assert (np.diff(steps) > 0).all()
    assert steps[-1] == count
    width = 1 << history.level
    for column, step in enumerate(steps):
        covered = np.arange(column * width + 1, min((column + 1) * width, count) + 1)
        assert values[column, 0, 0] == pytest.approx(np.exp(np.log(covered).mean()), rel=0.02)
        assert step == covered[-1]
    assert np.isnan(values[:, 1, 1]).all(), "a layer that was not copied has no ratio"


def test_messages_are_small_and_a_page_that_was_there_gets_only_what_is_new() -> None:
    """With 512 rows too: every block is below 6 KB, an append is one column."""
    names = [f"layers.{i}.weight" for i in range(512)]
    history = LayerHistory()
    for step in range(1, 80):
        values = dict.fromkeys(names, float(step))
        history.add(LayerSample(step, values, values))
    steps, _, messages = page_of(history)
    full = history.samples >> history.level
    header, data = history.blocks_since(history.level, full, 6000)

    assert len(history.names) == 512
    assert messages >= len(steps) / 3
    assert max(len(history.blocks_since(0, 0, 6000)[1]), len(data)) <= 6000
    assert header["count"] <= 1


def test_ten_thousand_modules_share_rows_by_their_place() -> None:
    """The deepest levels are put together; a flat list of modules in neighbours."""
    deep = [f"blocks.{i}.attention.{j}.weight" for i in range(100) for j in range(100)]
    names, rows = rows_of(deep)
    assert names == tuple(f"blocks.{i}.attention" for i in range(100))
    assert rows.tolist() == [i for i in range(100) for _ in range(100)]

    for way in ("", "net.blocks."):
        names, rows = rows_of([f"{way}{i}.weight" for i in range(10_000)])
        assert len(names) == 500
        assert names[0] == f"{way}0 … {way}19"
        assert rows.tolist() == [i // 20 for i in range(10_000)]


def test_a_model_that_is_one_parameter_has_a_row() -> None:
    """A parameter of the model itself is called by its own name."""
    assert rows_of(["scale"])[0] == ("scale",)
