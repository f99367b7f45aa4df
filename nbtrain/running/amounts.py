"""Amounts as people type them: durations ("2h", "90m", "1:30:00", seconds) and prices."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from numbers import Real
from typing import Any

from nbtrain.errors import UsageError

_UNIT_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = re.compile(
    r"(\d+(?:\.\d+)?)\s*(d|h|m|s)(?:ays?|ours?|rs?|in(?:utes?|s)?|ec(?:onds?|s)?)?\s*", re.ASCII
)
# [days:]hours:minutes:seconds
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2}):(\d{1,2}(?:\.\d+)?)", re.ASCII)
_HALF_CLOCK = re.compile(r"\d+:\d{1,2}", re.ASCII)
LONGEST_S = 10 * 365 * 86_400.0  # ten years: more is a slip of the pen, and overflows clocks
CURRENCY = re.compile(r"[A-Za-z]{3}|[$€£¥₹]")


def duration(name: str, value: Any) -> float:
    """Return a duration in seconds.

    Args:
        name: of the option, for the message.
        value: a number of seconds, a timedelta, or a text: "45", "90m", "1h30m", "1:30:00",
            "1:12:00:00" (with days). "1:30" is refused: it may mean minutes or hours.

    Raises:
        UsageError: it is none of these, or not above 0.
    """
    example = f'For example {name}="2h", "90m", "1h30m", "1:30:00", or a number of seconds.'
    if isinstance(value, str) and _HALF_CLOCK.fullmatch(value.strip()):
        raise UsageError(
            f"`{name}` is {value!r}, which may mean minutes and seconds or hours and minutes.",
            suggestion=f'Say which: {name}="{value.strip()}:00" for hours and minutes, '
            f'"0:{value.strip()}" for minutes and seconds.',
        )
    seconds = _seconds(value)
    if seconds is None:
        raise UsageError(f"`{name}` is {value!r}, which is no duration.", suggestion=example)
    if not 0 < seconds <= LONGEST_S:
        raise UsageError(
            f"`{name}` is {value!r}; it must be longer than nothing and shorter than ten years.",
            suggestion=example,
        )
    return seconds


def _seconds(value: Any) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Real) and not isinstance(value, bool):
        return _float(value)
    if not isinstance(value, str):
        return None
    text = value.strip().lower()
    if clock := _CLOCK.fullmatch(text):
        days, hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        if minutes >= 60 or seconds >= 60:
            return None
        return days * 86_400 + hours * 3_600 + minutes * 60 + seconds
    parts = list(_PART.finditer(text))
    if parts and "".join(part.group() for part in parts) == text:
        units = [part[2] for part in parts]
        in_order = units == sorted(set(units), key="dhms".index)
        return sum(float(part[1]) * _UNIT_SECONDS[part[2]] for part in parts) if in_order else None
    return _float(text)


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf
    except (TypeError, ValueError):
        return None


def amount(name: str, value: Any) -> float:
    """Return an amount of money: a finite number above 0.

    Raises:
        UsageError: it is none.
    """
    number = None if isinstance(value, bool) else _float(value)
    if number is None or not 0 < number < math.inf:
        raise UsageError(
            f"`{name}` is {value!r}; it must be a number above 0.", suggestion=f"For example {name}=2.5."
        )
    return number


def currency(name: str, value: Any) -> str:
    """Return a currency's code or sign: three letters in capitals, or one of $ € £ ¥ ₹.

    Raises:
        UsageError: it is neither.
    """
    text = str(value).strip()
    if not CURRENCY.fullmatch(text):
        raise UsageError(
            f"`{name}` is {value!r}; it must be a code of three letters or a sign.",
            suggestion=f'For example {name}="EUR".',
        )
    return text.upper()
