"""What a run costs: money per hour of the machine, in words and in numbers."""

from __future__ import annotations

from nbtrain import units


def money(value: float, currency: str) -> str:
    """`1.5, "EUR" -> "1.50 EUR"`; `0.0123 -> "0.0123 EUR"`."""
    return f"{value:.2f} {currency}" if value >= 0.1 else f"{units.number(value, 3)} {currency}"


def spent(seconds: float, price_per_hour: float) -> float:
    """Return what a machine at `price_per_hour` costs in so many seconds."""
    return seconds / 3600 * price_per_hour
