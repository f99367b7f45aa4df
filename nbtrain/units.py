"""Seconds, bytes and counts as people read them. The only place where 1024**3 appears."""

from __future__ import annotations

import math

GIB = 1024**3
MIB = 1024**2
KIB = 1024


def seconds(value: float | None) -> str:
    """`0.0123 -> "12 ms"`, `75 -> "1:15"`, `4000 -> "1:06:40"`; None or NaN -> "–"."""
    if value is None or not math.isfinite(value):
        return "–"
    if value < 1e-3:
        return f"{value * 1e6:.0f} µs"
    if value < 1:
        return f"{value * 1e3:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    whole = round(value)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    days, hours_left = hours // 24, hours % 24
    if days:
        return f"{days} d {hours_left:02d}:{minutes:02d}:{rest:02d}"
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def size(n_bytes: float | None) -> str:
    """`1536 -> "1.5 KiB"`; None -> "–"."""
    if n_bytes is None or not math.isfinite(n_bytes):
        return "–"
    for limit, unit in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if abs(n_bytes) >= limit:
            return f"{n_bytes / limit:.1f} {unit}"
    return f"{n_bytes:.0f} B"


def count(value: float | None) -> str:
    """A whole number with thin groups: `1234567 -> "1,234,567"`."""
    return "–" if value is None or not math.isfinite(value) else f"{round(value):,}"


def counted(value: float | None, one: str, many: str = "") -> str:
    """A count with its noun: `1, "batch", "batches" -> "1 batch"`, `2000, "step" -> "2,000 steps"`."""
    noun = one if count(value) == "1" else many or f"{one}s"
    return f"{count(value)} {noun}"


def short_count(value: float | None) -> str:
    """`1234567 -> "1.23 M"`, `950 -> "950"`."""
    if value is None or not math.isfinite(value):
        return "–"
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scale = limit if unit != "k" else 1e3
            return f"{value / scale:.3g} {unit}"
    return f"{value:.0f}"


def number(value: float | None, digits: int = 4) -> str:
    """A measured number with `digits` significant places, whole below a million: `0.00012345 -> "1.234e-4"`,
    `12345.6 -> "12346"`; None -> "–".
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-3:
        head, power = f"{value:.{digits - 1}e}".split("e")
        return f"{head}e{int(power)}"
    return f"{value:.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def percent(fraction: float | None, digits: int = 1) -> str:
    """`0.9731 -> "97.3 %"`."""
    if fraction is None or not math.isfinite(fraction):
        return "–"
    return f"{100 * fraction:.{digits}f} %"
