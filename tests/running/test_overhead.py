"""What watching costs: measured, not made up."""

from __future__ import annotations

import time

import pytest

from nbtrain.running.overhead import LEAST_TIMED, STRIDE, Meter, share_of_training


def test_a_meter_says_nothing_before_it_has_measured_enough() -> None:
    """Below the least number of timed calls there is no number."""
    meter = Meter()
    call = meter.timed(lambda: None)
    for _ in range(STRIDE * LEAST_TIMED - 1):
        call()
    assert meter.seconds is None
    call()
    assert meter.seconds is not None


def test_a_meter_counts_all_calls_by_those_it_timed() -> None:
    """The time of a call that always takes as long is known from one in thirteen; results come through."""
    meter = Meter()

    def busy(value: int, *, more: int) -> int:
        end = time.perf_counter() + 2e-4
        while time.perf_counter() < end:
            pass
        return value + more

    call = meter.timed(busy)
    calls = STRIDE * LEAST_TIMED
    assert all(call(i, more=1) == i + 1 for i in range(calls))

    assert meter.seconds >= calls * 2e-4


@pytest.mark.parametrize(("watching", "trained"), [(None, 100.0), (1.0, 0.5)])
def test_no_share_without_a_measurement(watching: float | None, trained: float) -> None:
    """Unknown seconds, or a training that has just begun, give none."""
    assert share_of_training(watching, trained) is None


def test_the_share_holds_this_threads_own_time() -> None:
    """What the pump computes counts too."""
    assert share_of_training(1.0, 100.0) >= (1.0 + 0.9 * time.thread_time()) / 100.0 > 0.01
