"""Where an axis has its ticks and how their numbers are written. Pure arithmetic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

_LARGE = 1e6  # of a measured number: from there on it is a power of ten, as in `units.number`
_MOST = 1e15  # of a count: there is no letter for more


def nice_ticks(low: float, high: float, count: int, *, whole: bool = False) -> list[float]:
    """Return at most `count` round numbers (1, 2, 2.5 or 5 times a power of ten apart) within [low, high]."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    power = 10.0 ** (math.floor(math.log10(high - low)) - 2)
    steps = [factor * power * 10**k for k in range(4) for factor in (1, 2, 2.5, 5)]
    fits = (
        step
        for step in steps
        if math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) < max(count, 1)
    )
    step = next(fits, high - low)
    if whole:
        step = max(1.0, float(math.ceil(step)))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [
        round(k * step, 12 - math.floor(math.log10(step))) for k in range(first, min(last, first + 50) + 1)
    ]


def log_ticks(low: float, high: float, count: int) -> list[float]:
    """Return the powers of ten within [low, high] (both > 0); 1-2-5 steps where there are fewer than two
    powers.
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = [k for k in range(first, last + 1) if low * 0.999 <= 10.0**k <= high * 1.001]
    if len(powers) >= 2:
        every = math.ceil(len(powers) / max(count, 1))
        return [10.0**k for k in powers[::every]]
    fine = [factor * 10.0**k for k in range(first - 1, last + 1) for factor in (1, 2, 5)]
    within = [value for value in fine if low * 0.999 <= value <= high * 1.001]
    return within if len(within) >= 2 else nice_ticks(low, high, 3)


def tick_labels(values: Sequence[float], *, measured: bool = False) -> list[str]:
    """Write the numbers of one axis in one form: `0.25`, `5k`, `1.5M`, `3e-4`; as many digits as tell them
    apart.

    Args:
        measured: they are measured, not counted: large ones as `units.number` writes them, 8e10 and not 80B.
    """
    finite = sorted({abs(value) for value in values if math.isfinite(value) and value != 0})
    if not finite:
        return ["0" if value == 0 else "" for value in values]
    if finite[-1] < 1e-2 or finite[-1] >= (_LARGE if measured else _MOST):
        return [_scientific(value) for value in values]
    if finite[-1] / finite[0] > 900:  # a logarithmic axis: every number for itself
        return [short(value, counted=not measured) for value in values]
    unit, sign = _unit(finite[-1])
    steps = sorted({value / unit for value in values})
    gap = min((after - before for before, after in itertools.pairwise(steps)), default=abs(steps[0]))
    digits = next((d for d in range(7) if abs(round(gap, d) - gap) < 1e-6 * gap), 6)
    return ["0" if value == 0 else f"{value / unit:.{digits}f}{sign}" for value in values]


def short(value: float, *, counted: bool = False) -> str:
    """Write one number briefly: `0.0613`, `4913`, `12.3k`, `3e-4`; a large measured one as 5.22e10, a large
    count as 52.2B.
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    if abs(value) < 1e-3 or abs(value) >= (_MOST if counted else _LARGE):
        return _scientific(value, digits=2)
    unit, sign = _unit(abs(value))
    return f"{value / unit:.4g}{sign}" if unit == 1 else f"{value / unit:.3g}{sign}"


def _unit(largest: float) -> tuple[float, str]:
    for size, sign in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if largest >= size:
            return size, sign
    return (1e3, "k") if largest >= 1e4 else (1.0, "")


def _scientific(value: float, digits: int = 3) -> str:
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else ""
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"
