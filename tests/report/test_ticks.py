"""Numbers on axes: round, few, told apart, short."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nbtrain.report import charts
from nbtrain.report.ticks import log_ticks, nice_ticks, short, tick_labels
from nbtrain.units import number


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 5e-4, 1e-3], ["0", "5e-4", "1e-3"]),
        ([0, 0.25, 0.5], ["0", "0.25", "0.50"]),
        ([0.9, 0.95, 1.0], ["0.90", "0.95", "1.00"]),
        ([0, 500, 1000], ["0", "500", "1000"]),
        ([0, 5000, 10000], ["0", "5k", "10k"]),
        ([0, 2.5e6, 5e6], ["0", "2.5M", "5.0M"]),
        ([0.01, 1, 100, 10000], ["0.01", "1", "100", "10k"]),
        ([1e-5, 1e-3, 0.1], ["1e-5", "0.001", "0.1"]),
        ([-1, 0, 1], ["-1", "0", "1"]),
        ([float("nan")], [""]),
    ],
)
def test_labels_of_one_axis(values: list[float], labels: list[str]) -> None:
    """Learning rates read as powers of ten, steps in thousands, the rest plainly."""
    assert tick_labels(values) == labels


def test_a_large_loss_is_written_the_same_everywhere() -> None:
    """Axis, legend and text write a loss of billions as a power of ten; counts keep their letters."""
    assert tick_labels([0, 4e10, 8e10], measured=True) == ["0", "4e10", "8e10"]
    assert (short(5.22e10), number(5.22e10, 3), number(12345.6)) == ("5.22e10", "5.22e10", "12346")
    assert (tick_labels([0, 4e6, 8e6]), short(5.22e6, counted=True)) == (["0", "4M", "8M"], "5.22M")


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0.93, 0.97), (-3, 8), (0, 1350), (1e-9, 3e-9), (1e12, 3e12)]
)
@pytest.mark.parametrize("count", [3, 5, 8])
def test_ticks_are_few_and_tell_apart(low: float, high: float, count: int) -> None:
    """At most as many as asked, at least two, within the axis, and every label differs."""
    ticks = nice_ticks(low, high, count)

    assert 2 <= len(ticks) <= count and low <= ticks[0] and ticks[-1] <= high
    assert len(set(tick_labels(ticks))) == len(ticks)


def test_log_ticks_are_powers_of_ten_where_there_are_two() -> None:
    """Wide axes have powers of ten, narrow ones 1-2-5 steps between."""
    assert log_ticks(0.05, 300, 5) == [0.1, 1, 10, 100]
    assert log_ticks(0.4, 3, 5) == [0.5, 1, 2]
    assert len(log_ticks(1e-30, 1e30, 5)) <= 6


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.06132, "0.06132"), (3e-4, "3e-4"), (0, "0"), (4913, "4913"), (12345, "12.3k"), (float("nan"), "NaN"),
     (float("-inf"), "−∞"), (1.234e-5, "1.23e-5"), (5.22e10, "5.22e10")],
)  # fmt: skip
def test_one_number_briefly(value: float, text: str) -> None:
    """A value in a legend has four digits at most, small ones as powers of ten."""
    assert short(value) == text


def test_two_validations_have_no_halves_between_them() -> None:
    """Steps, epochs and trials are counted: an axis from 1 to 2 has these two numbers alone."""
    assert charts._labelled(SimpleNamespace(x=(1.0, 2.0)), 6, log=False) == [(1.0, "1"), (2.0, "2")]
