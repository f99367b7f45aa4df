"""LiveCurve: what a page holds after any losses and snapshots is what the kernel holds."""

from __future__ import annotations

import numpy as np
import pytest
from page_curve import PageCurve

from nbtrain.telemetry.curve import LiveCurve

COLUMNS = ("train_loss", "smooth_loss", "grad_norm", "lr", "samples_per_s")


def rows(rng: np.random.Generator, first: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    values = {name: rng.normal(size=count) for name in COLUMNS}
    values["grad_norm"][rng.random(count) < 0.9] = np.nan
    values["train_loss"][rng.random(count) < 0.01] = np.nan
    values["lr"][rng.random(count) < 0.001] = np.inf
    return np.arange(first, first + count), values


def assert_equal(page: PageCurve, curve: LiveCurve) -> None:
    view = curve.view()
    assert page.rows == view.rows
    assert 1 << page.level == view.rows_per_bucket
    np.testing.assert_array_equal(page.steps, view.steps)
    mine = np.stack(page.stats, axis=2)
    for index, name in enumerate(COLUMNS):
        np.testing.assert_array_equal(mine[index, 0], view.mean[name])
        np.testing.assert_array_equal(mine[index, 1], view.low[name])
        np.testing.assert_array_equal(mine[index, 2], view.high[name])


@pytest.mark.parametrize("seed", range(12))
def test_page_equals_kernel_after_losses(seed: int) -> None:
    """A page that applies only the blocks it got, with a third of them lost, ends bit-equal to the kernel."""
    rng = np.random.default_rng(seed)
    curve, page = LiveCurve(COLUMNS, capacity=64), PageCurve(len(COLUMNS))
    sent = (0, 0)
    step = 0
    for _ in range(120):
        count = int(rng.integers(1, 400))
        curve.extend(*rows(rng, step, count))
        step += count
        header, data = curve.blocks_since(*sent, max_bytes=2000)
        sent = (header["level"], min(header["offset"] + header["count"], header["rows"] >> header["level"]))
        if rng.random() < 0.33:
            continue
        if not page.apply(header, data):
            sent = (page.level, page.full)
    while page.rows < curve.rows or page.full < curve.rows >> curve.level:
        assert page.apply(*curve.blocks_since(page.level, page.full, max_bytes=2000))

    assert_equal(page, curve)


def test_snapshot_restores_everything() -> None:
    """A page opened late gets the whole curve by the same call from offset 0."""
    rng = np.random.default_rng(0)
    curve, page = LiveCurve(COLUMNS), PageCurve(len(COLUMNS))
    curve.extend(*rows(rng, 0, 123_457))
    messages = 0
    while page.full < curve.rows >> curve.level:
        page.apply(*curve.blocks_since(page.level, page.full))
        messages += 1

    assert_equal(page, curve)
    assert messages <= 6


def test_batches_do_not_matter() -> None:
    """One call of a million rows gives the same buckets as many small ones."""
    rng = np.random.default_rng(1)
    steps, values = rows(rng, 0, 100_000)
    at_once, by_bits = LiveCurve(COLUMNS), LiveCurve(COLUMNS)
    at_once.extend(steps, values)
    for start in range(0, len(steps), 777):
        by_bits.extend(steps[start : start + 777], {k: v[start : start + 777] for k, v in values.items()})

    left, right = at_once.view(), by_bits.view()
    np.testing.assert_array_equal(left.steps, right.steps)
    for name in COLUMNS:
        np.testing.assert_array_equal(left.low[name], right.low[name])
        np.testing.assert_array_equal(left.high[name], right.high[name])
        np.testing.assert_allclose(left.mean[name], right.mean[name], rtol=1e-5, atol=1e-6)


def test_extremes_survive() -> None:
    """One spike among a million rows is still the maximum of its bucket."""
    curve = LiveCurve(("loss",))
    loss = np.ones(1_000_000)
    loss[654_321] = 99.0
    curve.extend(np.arange(1_000_000), {"loss": loss})
    view = curve.view()

    assert view.high["loss"].max() == 99.0
    assert view.low["loss"].min() == 1.0
    bucket = int(np.argmax(view.high["loss"]))
    assert view.steps[bucket - 1] < 654_321 <= view.steps[bucket]


def test_size_is_constant_at_a_million_rows() -> None:
    """No message passes 8 KB, and a million rows are held in as many buckets as a thousand."""
    rng = np.random.default_rng(2)
    curve = LiveCurve(COLUMNS)
    sent, sizes, step = (0, 0), [], 0
    for _ in range(1000):
        curve.extend(*rows(rng, step, 1000))
        step += 1000
        header, data = curve.blocks_since(*sent, max_bytes=7600)
        sent = (header["level"], min(header["offset"] + header["count"], header["rows"] >> header["level"]))
        sizes.append(len(data))

    assert curve.rows == 1_000_000
    assert max(sizes) <= 7600
    assert max(sizes[500:]) <= 300
    assert 256 <= len(curve.view().steps) <= 512


def test_absent_values_are_nan_all_along() -> None:
    """A column that never had a value is NaN in every bucket; one with few values keeps exactly those."""
    curve = LiveCurve(("a", "b", "c"), capacity=4)
    b = np.full(64, np.nan)
    b[10] = 3.0
    curve.extend(np.arange(64), {"a": np.arange(64.0), "b": b})
    view = curve.view()

    assert np.isnan(view.mean["c"]).all()
    assert view.mean["b"][~np.isnan(view.mean["b"])].tolist() == [3.0]
    assert view.mean["a"].tolist() == [7.5, 23.5, 39.5, 55.5]


def test_empty_curve_has_no_blocks() -> None:
    """Before the first row there is nothing to send, and asking is fine."""
    header, data = LiveCurve(COLUMNS).blocks_since(0, 0)

    assert header["count"] == 0
    assert data == b""


def test_wrong_input_is_named() -> None:
    """An unknown column and an odd capacity are refused by name."""
    with pytest.raises(ValueError, match="nonsense"):
        LiveCurve(COLUMNS).extend([1], {"nonsense": [1.0]})
    with pytest.raises(ValueError, match="capacity=3"):
        LiveCurve(COLUMNS, capacity=3)
