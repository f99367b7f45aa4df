"""How sure a number is that was measured on a sample of the world."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Z = 1.959964  # of a normal distribution: 95 % lie within
RESAMPLES = 2000
LEAST_BATCHES = 5  # a bootstrap over fewer says nothing


def wilson(right: int, judged: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927): right also near 0 and 1, and for few samples."""
    if not judged:
        return math.nan, math.nan
    share, z2 = right / judged, Z * Z
    middle = (share + z2 / (2 * judged)) / (1 + z2 / judged)
    half = Z / (1 + z2 / judged) * math.sqrt(share * (1 - share) / judged + z2 / (4 * judged * judged))
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(values: Sequence[float], weights: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of a weighted mean by drawing batches anew (Efron's percentile bootstrap).

    Args:
        values: mean of each batch. weights: samples of each.

    Returns:
        None for fewer than five batches, or where a value is not finite.
    """
    found, counts = np.asarray(values, float), np.asarray(weights, float)
    if len(found) < LEAST_BATCHES or not np.isfinite(found).all():
        return None
    drawn = np.random.default_rng(0).integers(0, len(found), (RESAMPLES, len(found)))
    means = (found[drawn] * counts[drawn]).sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
