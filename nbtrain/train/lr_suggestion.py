"""Read a learning rate off a range test's curve, or say why none can be read. Numbers only.

The curve is smoothed from both sides (a Gaussian over the steps), because an average over past steps lags: at
a twelfth of a power of ten a step, ten steps of lag would nearly be a factor of ten in the rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

LEAST_STEPS = 8
SMOOTHING_SHARE = 0.04  # width (one sigma) of the smoothing, of the steps planned: 4 of 100
START_SHARE = 0.1  # of the steps planned; they say where the loss stands before anything is learned
NOISE_FACTOR = 4.0  # a fall must be so many standard errors: the lowest of many stretches is looked at
CAP = 3.0  # standard deviations of the first losses; what is higher is not learning
LEAST_FALL = 0.01  # of the loss at the start
EDGE = 0.05  # of the whole fall; the stretch of falling lies between the first and the last such part
SAFETY = 3.0  # a suggestion stays at least this factor below the rate with the lowest loss


@dataclass(frozen=True)
class Suggestion:
    """What a curve says.

    Attributes:
        lr: the rate to use, to two digits; None when none can be told. reason: why this one, or why none.
        valley: middle, in powers of ten, of the stretch over which the loss falls. steepest: where it falls
            fastest. lowest: where it is lowest. smoothed: the curve that this was read off.
    """

    lr: float | None
    reason: str
    valley: float | None = None
    steepest: float | None = None
    lowest: float | None = None
    smoothed: tuple[float, ...] = ()


def suggest(rates: list[float], losses: list[float], *, planned: int) -> Suggestion:
    """Return the suggestion of a test.

    Args:
        rates, losses: one a step, finite; rates rise by a constant factor. planned: steps meant to be taken.
    """
    if len(losses) < LEAST_STEPS:
        rises = len(losses) > 1 and losses[-1] > losses[0]
        why = "the loss rises at once, so begin lower" if rises else "that is no curve to read a rate off"
        return Suggestion(None, f"the test ended after {len(losses)} steps: {why}")
    values, powers = np.asarray(losses, float), np.log10(rates)
    first = max(3, round(START_SHARE * planned))
    start = float(values[:first].mean())
    # an explosion must not smear into the fall
    capped = np.minimum(values, start + max(CAP * values[:first].std(), values[:first].max() - start))
    smooth, shares = smoothed(capped, SMOOTHING_SHARE * planned)
    lowest = int(np.argmin(smooth))
    fall = start - float(smooth[lowest])
    spread = float(np.std((capped - smooth)[: max(lowest + 1, 2 * first)]))
    noise = spread * math.sqrt(shares[lowest] + 1 / first)
    curve = tuple(smooth.tolist())
    if lowest < first or fall <= max(LEAST_FALL * abs(start), NOISE_FACTOR * noise):
        return Suggestion(None, _flat(start, smooth, lowest, noise), smoothed=curve)
    above = np.flatnonzero(smooth[: lowest + 1] > start - max(EDGE * fall, 2 * noise))
    begin = int(above[-1]) if len(above) else 0
    end = begin + int(np.argmax(smooth[begin : lowest + 1] <= smooth[lowest] + EDGE * fall))
    middle = (powers[begin] + powers[end]) / 2
    bound = powers[lowest] - math.log10(SAFETY)
    valley = two_digits(10 ** max(powers[0], min(middle, bound)))
    slope = np.gradient(smooth, powers)[: lowest + 1]
    steepest = two_digits(rates[int(np.argmin(slope))])
    reason = (
        f"the middle, in powers of ten, of the stretch over which the loss falls: from {rates[begin]:.2g} "
        f"({smooth[begin]:.4g}) to {rates[end]:.2g} ({smooth[end]:.4g})"
    )
    if middle > bound:
        reason = (
            f"a third of {rates[lowest]:.2g}, where the loss is lowest ({smooth[lowest]:.4g}): the stretch "
            "over which it falls is short"
        )
    return Suggestion(valley, reason, valley, steepest, two_digits(rates[lowest]), curve)


def smoothed(values: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Average over neighbours with Gaussian weights; near the ends over those there are.

    Returns:
        the curve, and at each point the share of the variance of independent noise that is left in it.
    """
    reach = max(1, math.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 0.5)) ** 2)
    total = np.convolve(values, weights)[reach:-reach]
    present = np.convolve(np.ones_like(values), weights)[reach:-reach]
    squares = np.convolve(np.ones_like(values), weights**2)[reach:-reach]
    return total / present, squares / present**2


def two_digits(rate: float) -> float:
    """`0.0031622 -> 0.0032`: a rate as people write it."""
    return float(f"{rate:.1e}")


def _flat(start: float, smooth: np.ndarray, lowest: int, noise: float) -> str:
    about = f"; its noise alone would explain {NOISE_FACTOR * noise:.2g}" if noise > 0 else ""
    told = f"{start:.4g} at the start, {smooth[lowest]:.4g} at its lowest{about}"
    if smooth[-1] > start + max(LEAST_FALL * abs(start), NOISE_FACTOR * noise):
        return f"the loss does not fall, it rises ({told}): if it can learn at all, begin lower"
    return f"the loss does not fall: {told}"
