"""Reading a rate off a curve: sensible where there is a fall, silent where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from nbtrain.train.lr_suggestion import suggest, two_digits

RATES = np.geomspace(1e-7, 10, 100)


def curve(*, falls_at: float, breaks_at: float, noise: float = 0.0) -> np.ndarray:
    """A loss of 2.3 that falls about one rate and explodes at another."""
    powers = np.log10(RATES)
    clean = 2.3 - 1.5 / (1 + np.exp(-4 * (powers - np.log10(falls_at))))
    clean = clean + np.exp(6 * (powers - np.log10(breaks_at))).clip(0, 50)
    return clean + noise * np.random.default_rng(0).standard_normal(len(RATES))


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("falls_at", [1e-5, 1e-3, 1e-1])
def test_the_suggestion_is_where_the_loss_falls(falls_at: float, noise: float) -> None:
    """Within a factor of three of the middle of the fall, with noise as with none."""
    losses = curve(falls_at=falls_at, breaks_at=100 * falls_at, noise=noise)
    found = suggest(RATES.tolist(), losses.tolist(), planned=100)

    assert falls_at / 3 < found.lr < 3 * falls_at
    assert falls_at / 3 < found.steepest < 3 * falls_at
    assert found.lr <= found.lowest / 2.9


def test_an_explosion_does_not_move_it() -> None:
    """However high the loss ends, the suggestion is the same."""
    losses = curve(falls_at=1e-3, breaks_at=1e-1)
    wild = np.where(losses > 3, 1e6, losses)

    assert (
        suggest(RATES.tolist(), wild.tolist(), planned=100).lr
        == suggest(RATES.tolist(), losses.tolist(), planned=100).lr
    )


@pytest.mark.parametrize("seed", range(40))
def test_noise_alone_is_no_fall(seed: int) -> None:
    """A flat noisy curve gives no suggestion, and the reason has its numbers."""
    losses = 2.3 + 0.2 * np.random.default_rng(seed).standard_normal(100)
    found = suggest(RATES.tolist(), losses.tolist(), planned=100)

    assert found.lr is None
    assert "does not fall" in found.reason
    assert "noise alone" in found.reason


def test_a_curve_that_only_rises_or_is_flat_gives_none() -> None:
    """No suggestion is invented where nothing was learned."""
    rising = np.linspace(1, 5, 100).tolist()
    at_once = [2.3] * 4 + [1.0] * 6 + [9.0] * 90

    for losses in (rising, at_once):
        found = suggest(RATES.tolist(), losses, planned=100)
        assert (found.lr, "begin lower" in found.reason) == (None, True)
    assert suggest(RATES.tolist(), [0.7] * 100, planned=100).lr is None
    assert suggest(RATES.tolist(), [0.0] * 100, planned=100).lr is None


@pytest.mark.parametrize("losses", [[], [1.0], [1.0, 5.0, 9.0]])
def test_too_few_steps_give_none(losses: list[float]) -> None:
    """A test that ended at once says so; one that rose at once says to begin lower."""
    found = suggest(RATES[: len(losses)].tolist(), losses, planned=100)

    assert found.lr is None
    assert f"after {len(losses)} steps" in found.reason
    assert ("begin lower" in found.reason) == (len(losses) == 3)


def test_a_short_fall_keeps_its_distance_from_where_it_breaks() -> None:
    """Where the fall is a few steps long, the suggestion still stays a third below the lowest loss."""
    losses = np.where(RATES < 1e-2, 2.3, np.where(RATES < 2e-2, 0.1, 40.0))
    found = suggest(RATES.tolist(), losses.tolist(), planned=100)

    assert found.lr <= found.lowest / 2.9
    assert "short" in found.reason


def test_rates_have_two_digits() -> None:
    """As people write them."""
    assert [two_digits(rate) for rate in (0.00316228, 0.1, 9.96e-5)] == [0.0032, 0.1, 1e-4]
