"""Values of metrics, settings and amounts as people read them. It decides nothing."""

from __future__ import annotations

import math

from nbtrain.compare.directions import in_points
from nbtrain.compare.measures import Measure, Sample
from nbtrain.units import number, seconds, size

_SHARE_UP_TO = 1.5  # a share over this is in percent itself


def is_share(one: Measure) -> bool:
    """Say whether a metric is a share of 0..1, told in percent and its differences in points."""
    values = [*one.baseline.values, *one.optimized.values]
    return in_points(one.name) and (not values or max(values) <= _SHARE_UP_TO)


def value_text(one: Measure, value: float | None) -> str:
    """Return a metric's value: `0.8123 -> "81.23 %"` for a share, else four digits; NaN -> "–"."""
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:.2f} %" if is_share(one) else number(value)


def sample_text(one: Measure, sample: Sample) -> str:
    """Return a metric over a side's runs: the mean, of several runs with the standard deviation."""
    if sample.std is None:
        return value_text(one, sample.mean)
    return f"{value_text(one, sample.mean)} ± {value_text(one, sample.std)}"


def improvement_text(one: Measure, value: float | None) -> str:
    """Return an improvement with its sign: `+2.22 points` of a share, else `+0.0123`."""
    if value is None or math.isnan(value):
        return "–"
    if is_share(one):
        return f"{_sign(round(100 * value, 2))}{abs(100 * value):.2f} points"
    return f"{_sign(value)}{number(abs(value))}"


def interval_text(one: Measure) -> str:
    """Return the interval of the improvement: `+0.93 to +3.38 points`."""
    if one.interval is None:
        return "–"
    low, high = (improvement_text(one, value) for value in one.interval)
    return f"{low.removesuffix(' points')} to {high}"


def p_text(p: float) -> str:
    """`0.0312 -> "0.031"`, below 0.0001 said so."""
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}" if p < 0.01 else f"{p:.3f}"


def percent_text(value: float) -> str:
    """`2.345 -> "+2.3 %"`, a change."""
    rounded = round(value, 1)
    return f"{rounded:+.1f} %" if rounded else "±0.0 %"


def setting_text(value: object) -> str:
    """Return a setting in at most 120 characters."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def amount_text(value: float | None, kind: str, currency: str = "") -> str:
    """Return an amount of `kind` seconds, bytes, hours or money."""
    if value is None:
        return "–"
    if kind == "seconds":
        return seconds(value)
    return size(value) if kind == "bytes" else f"{number(value)} {currency}".strip()


def _sign(value: float) -> str:
    return "+" if value > 0 else "−" if value < 0 else "±"
