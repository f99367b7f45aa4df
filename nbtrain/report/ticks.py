"""Where an axis has its ticks and how their numbers are written. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence


def nice_ticks(low: float, high: float, count: int, *, whole: bool = False) -> list[float]:
    """Return about `count` round numbers (1, 2, 2.5 or 5 times a power of ten apart) within [low, high]."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999), 10 * power)
    if whole:
        step = max(1.0, float(math.ceil(step)))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(k * step, 12 - math.floor(math.log10(step))) for k in range(first, min(last, first + 50) + 1)]


def log_ticks(low: float, high: float, count: int) -> list[float]:
    """Return the powers of ten within [low, high] (both > 0); 1-2-5 steps where there are fewer than two powers."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = [k for k in range(first, last + 1) if low * 0.999 <= 10.0**k <= high * 1.001]
    if len(powers) >= 2:
        every = math.ceil(len(powers) / max(count, 1))
        return [10.0**k for k in powers[::every]]
    fine = [factor * 10.0**k for k in range(first - 1, last + 1) for factor in (1, 2, 5)]
    within = [value for value in fine if low * 0.999 <= value <= high * 1.001]
    return within if len(within) >= 2 else nice_ticks(low, high, 3)


def tick_labels(values: Sequence[float]) -> list[str]:
    """Write the numbers of one axis in one form: `0.25`, `5k`, `1.5M`, `3e-4`; as many digits as tell them apart."""
    finite = [abs(value) for value in values if math.isfinite(value) and value != 0]
    if not finite:
        return ["0" if value == 0 else "" for value in values]
    largest = max(finite)
    if largest < 1e-2 or largest >= 1e15:
        return [_scientific(value) for value in values]
    if largest / min(finite) > 900 and min(finite) < 1e-2:
        return [_scientific(value) if 0 < abs(value) < 1e-2 else f"{value:g}" for value in values]
    unit, sign = next(
        ((size, sign) for size, sign in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")) if largest >= 10 * size or
         (largest >= size and sign != "k")), (1.0, "")
    )  # fmt: skip
    steps = sorted({round(value / unit, 12) for value in values})
    gap = min((b - a for a, b in zip(steps, steps[1:], strict=False)), default=largest / unit)
    digits = next((d for d in range(7) if abs(round(gap, d) - gap) < 1e-6 * gap), 6)
    digits = max((next((d for d in range(7) if math.isclose(round(s, d), s, rel_tol=1e-9, abs_tol=1e-12)), 6)
                  for s in steps), default=digits) if len(steps) == 1 else digits  # fmt: skip
    return ["0" if value == 0 else f"{value / unit:.{digits}f}{sign}" for value in values]


def _scientific(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else ""
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"
