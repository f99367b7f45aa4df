"""How much the evaluations of a run vary by chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

KNOWN = 5  # changes that tell something
WINDOW = 20  # the newest, for a loss that has settled varies less


def noise_of_changes(losses: Sequence[float] | np.ndarray) -> float:
    """Return the standard deviation of the change from one evaluation to the next.

    Robust: 1.4826 times the median distance from the median change, so that a trend and single jumps do not
    count; 0 where fewer than six evaluations tell nothing.
    """
    changes = np.diff(np.asarray(losses, float))[-WINDOW:]
    if len(changes) < KNOWN:
        return 0.0
    return 1.4826 * float(np.median(np.abs(changes - np.median(changes))))
