"""The test and the interval: numbers held to scipy's, and what they promise of small samples."""

from __future__ import annotations

import numpy as np
import pytest

from nbtrain.compare.statistics import (
    bootstrap_interval,
    noise_of,
    student_t_quantile,
    student_t_two_sided,
    welch,
)


@pytest.mark.parametrize("df", [1, 1.5, 2, 4.2, 9, 40, 1e5])
@pytest.mark.parametrize("t", [0, 1e-6, 0.5, 2, 4.3, 30])
def test_the_tail_of_students_t_is_that_of_scipy(t: float, df: float) -> None:
    """The two-sided tail agrees with scipy to eight digits."""
    stats = pytest.importorskip("scipy.stats")

    assert student_t_two_sided(t, df) == pytest.approx(2 * stats.t.sf(t, df), rel=1e-8, abs=1e-15)


def test_welch_is_scipys_test_without_equal_variances() -> None:
    """Statistic, degrees of freedom and p agree with scipy for samples of unequal size and spread."""
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(3)
    for n, m in ((2, 2), (3, 5), (10, 4)):
        a, b = rng.normal(0.8, 0.01, n), rng.normal(0.82, 0.03, m)
        theirs, ours = stats.ttest_ind(b, a, equal_var=False), welch(a, b)

        assert ours is not None
        assert (ours.t, ours.p, ours.df) == pytest.approx((theirs.statistic, theirs.pvalue, theirs.df))


def test_without_spread_there_is_no_test() -> None:
    """Equal numbers, up to what floats leave, and single values give None, never p = 0."""
    assert welch([0.8, 0.8], [0.9, 0.9]) is None
    assert welch([0.1 + 0.2, 0.3], [0.9, 0.9]) is None
    assert welch([0.8], [0.9, 0.91]) is None


def test_the_quantile_undoes_the_tail() -> None:
    """t of 5 % at 4 degrees of freedom is the 2.776 of the tables."""
    assert student_t_quantile(0.05, 4) == pytest.approx(2.776445, abs=1e-5)


@pytest.mark.parametrize("n", [3, 5])
def test_the_interval_holds_the_truth_as_often_as_it_says(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 200 intervals of a few seeds, at least 90 % hold the true difference."""
    import sys

    monkeypatch.setattr(sys.modules["nbtrain.compare.statistics"], "RESAMPLES", 1000)
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        low, high = bootstrap_interval(rng.normal(0.80, 0.01, n), rng.normal(0.82, 0.02, n)) or (9, 9)
        held += low <= 0.02 <= high

    assert held >= 180


def test_the_interval_is_the_same_each_time() -> None:
    """The resampling is seeded: a report does not change when it is made again."""
    a, b = [0.8, 0.81, 0.79], [0.83, 0.84, 0.82]

    assert bootstrap_interval(a, b) == bootstrap_interval(a, b)
    assert bootstrap_interval([0.8], b) is None


def test_a_steady_climb_is_no_noise() -> None:
    """The noise of a curve is what it jumps, not what it climbs."""
    climb = np.linspace(0.5, 0.9, 30)
    jumping = climb + np.random.default_rng(0).normal(0, 0.02, 30)

    assert noise_of(climb) < 1e-12
    assert 0.01 < noise_of(jumping) < 0.04
