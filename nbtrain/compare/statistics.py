"""Tests and intervals for a difference of two small samples: Welch's t-test and a bootstrap. numpy only.

The tail of Student's t is the regularised incomplete beta function, by its continued fraction (NIST DLMF
8.17.22, modified Lentz); tests hold it to scipy's values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

ALPHA = 0.05
RESAMPLES = 10_000
_TINY = 1e-300


@dataclass(frozen=True)
class Welch:
    """Welch's t-test: statistic, degrees of freedom (Welch-Satterthwaite), two-sided p-value."""

    t: float
    df: float
    p: float


def welch(first: Sequence[float], second: Sequence[float]) -> Welch | None:
    """Return the test of equal means without assuming equal variances; None where there is no spread at all,
    or a sample has less than two values.

    t = (mean2 - mean1) / sqrt(s1^2/n1 + s2^2/n2), Welch 1947.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if len(a) < 2 or len(b) < 2:
        return None
    va, vb = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    scale = max(abs(a.mean()), abs(b.mean()), _TINY)
    if math.sqrt(va + vb) <= 1e-12 * scale:  # what floats leave of equal numbers
        return None
    t = float((b.mean() - a.mean()) / math.sqrt(va + vb))
    df = float((va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1)))
    return Welch(t, df, student_t_two_sided(t, df))


def student_t_two_sided(t: float, df: float) -> float:
    """Return P(|T| >= |t|) of Student's t: I_x(df/2, 1/2) with x = df / (df + t^2)."""
    if math.isinf(t):
        return 0.0
    square = t * t
    return incomplete_beta(df / 2, 0.5, df / (df + square), square / (df + square))


def student_t_quantile(p_two_sided: float, df: float) -> float:
    """Return t > 0 with P(|T| >= t) = p_two_sided, by bisection."""
    low, high = 0.0, 1.0
    while student_t_two_sided(high, df) > p_two_sided and high < 1e9:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student_t_two_sided(middle, df) > p_two_sided else (low, middle)
    return (low + high) / 2


def incomplete_beta(a: float, b: float, x: float, rest: float | None = None) -> float:
    """Return the regularised incomplete beta function I_x(a, b), 0 <= x <= 1.

    Args:
        rest: 1 - x, where it is known without the digits that a subtraction loses near x = 1.
    """
    rest = 1 - x if rest is None else rest
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    )
    if x < (a + 1) / (a + b + 2):  # where the fraction converges fast; else by symmetry
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, rest) / b


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 500):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def bootstrap_interval(
    first: Sequence[float], second: Sequence[float], *, level: float = 1 - ALPHA
) -> tuple[float, float] | None:
    """Return the interval of mean(second) - mean(first) by the bootstrap; None below two values a side.

    Both samples are drawn anew 10,000 times (seeded: the same numbers give the same interval) and the
    percentiles of the differences taken. Percentiles of few values lie too close together, so deviations from
    the difference are widened by sqrt(n / (n - 1)) a side and by Student's t over the normal's quantile, the
    reason for which is in Hesterberg 2015, The American Statistician 69(4) (expanded percentile).
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if len(a) < 2 or len(b) < 2:
        return None
    rng = np.random.default_rng(0)
    wide = [
        sample[rng.integers(0, len(sample), (RESAMPLES, len(sample)))].mean(axis=1) - sample.mean()
        for sample in (a, b)
    ]
    spread = wide[1] * math.sqrt(len(b) / (len(b) - 1)) - wide[0] * math.sqrt(len(a) / (len(a) - 1))
    tested = welch(first, second)
    df = tested.df if tested is not None else len(a) + len(b) - 2
    factor = student_t_quantile(1 - level, df) / NormalDist().inv_cdf((1 + level) / 2)
    low, high = np.quantile(spread * factor, [(1 - level) / 2, (1 + level) / 2])
    middle = float(b.mean() - a.mean())
    return middle + float(low), middle + float(high)


def noise_of(values: np.ndarray) -> float:
    """Return how far a curve jumps from epoch to epoch, as a standard deviation; 0 below five values.

    From the mean size of second differences of its later half, in which a steady climb is no noise: that
    difference of independent noise has 6 times its variance, and a normal's mean size is sqrt(2 / pi) of it.
    """
    values = values[np.isfinite(values)]
    values = values[len(values) // 2 :] if len(values) >= 10 else values
    if len(values) < 5:
        return 0.0
    return float(np.abs(np.diff(values, 2)).mean() / math.sqrt(12 / math.pi))
