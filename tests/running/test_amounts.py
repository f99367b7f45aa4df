"""Durations and amounts of money as people type them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nbtrain.errors import UsageError
from nbtrain.running.amounts import amount, currency, duration
from nbtrain.train.options import TrainOptions


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("2h", 7200), ("90m", 5400), ("45", 45), (45, 45), (0.5, 0.5), ("1:30:00", 5400), ("1h30m", 5400),
        ("1h 30m 5s", 5405), ("1.5h", 5400), ("2 hours", 7200), ("30 min", 1800), ("10 secs", 10),
        ("1d", 86400), ("1:02:00:00", 93600), ("0:1:30", 90),
        (" 2H ", 7200), (timedelta(minutes=2), 120), ("1e3", 1000),
    ],
)  # fmt: skip
def test_durations_are_read_as_people_write_them(typed: Any, seconds: float) -> None:
    """Units, clocks, numbers of seconds and timedeltas come to the same seconds."""
    assert duration("max_time", typed) == seconds


@pytest.mark.parametrize(
    "typed",
    ["", "soon", "2x", "h", "-5", 0, "0h", -1, True, None, [2], "nan", "inf", float("nan"), "1h2h", "5m2h",
     "1:75:00", "2 ms", "1e400", 10**400, "99999999h"],
)  # fmt: skip
def test_what_is_no_duration_is_refused_with_an_example(typed: Any) -> None:
    """Anything else is refused, in words that hold what was typed and what would do."""
    with pytest.raises(UsageError, match=r"`max_time` is .*(?s:.*)2h"):
        duration("max_time", typed)


def test_a_clock_of_two_parts_is_ambiguous() -> None:
    """1:30 may be minutes or hours: it is refused, and both are offered."""
    with pytest.raises(UsageError) as refused:
        duration("max_time", "1:30")
    assert '"1:30:00" for hours' in str(refused.value)
    assert '"0:1:30" for minutes' in str(refused.value)
    assert duration("max_time", "1:30:00") == 60 * duration("max_time", "0:1:30")


@pytest.mark.parametrize("typed", [0, -1, "five", float("inf"), float("nan"), True, None, [1], 10**400])
def test_an_amount_is_a_number_above_zero(typed: Any) -> None:
    """What is no price is refused."""
    with pytest.raises(UsageError, match="above 0"):
        amount("max_cost", typed)
    assert amount("max_cost", "2.5") == 2.5


def test_a_currency_is_a_code_or_a_sign() -> None:
    """Codes come in capitals; words and markup are refused."""
    assert (currency("currency", "eur"), currency("currency", "€")) == ("EUR", "€")
    for typed in ("euros", "", "<b>", "E U"):
        with pytest.raises(UsageError, match="three letters"):
            currency("currency", typed)


def test_a_cost_budget_needs_a_price() -> None:
    """max_cost alone is refused before anything starts; a price alone is fine."""
    with pytest.raises(UsageError, match=r"(?s)what an hour costs.*price_per_hour"):
        TrainOptions.from_words({"max_cost": 5})
    assert TrainOptions.from_words({"price_per_hour": 2}).price_per_hour == 2.0
