"""Whether a faster way trains the same: the losses of some steps, from the same start, on the same batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbtrain.train.fast.candidate import REDUCED, ROUNDING, SAME

STEPS = 10
# Of the losses' size. The steps are of the same operations: what is only added up in another order differs by
# some units of float32's last place (6e-8), grown by the steps in between; bfloat16 has 8 bits of mantissa
# (4e-3 in one operation), whose errors cancel in the mean over a batch.
ALLOWED = {SAME: 1e-6, ROUNDING: 1e-3, REDUCED: 2e-2}
DRAWS = 2.0  # times what other random draws change: a compiled dropout draws other masks


def disagreement(
    losses: Sequence[float], reference: Sequence[float], redrawn: Sequence[float], effect: str
) -> str:
    """Return how the losses differ beyond what is allowed, "" where they agree.

    Args:
        losses: of the candidate. reference: without it, from the same start with the same seed.
        redrawn: without it, with another seed: what dropout and the like change.
        effect: what the candidate does to the numbers.
    """
    here, there, other = (np.asarray(values, dtype=float) for values in (losses, reference, redrawn))
    if not np.isfinite(here).all():
        return "its loss is not finite"
    apart = float(np.mean(np.abs(here - there)))
    allowed = ALLOWED[effect] * float(np.mean(np.abs(there))) + DRAWS * float(np.mean(np.abs(other - there)))
    if apart <= allowed:
        return ""
    return f"losses of {len(here)} steps differ by {apart:.2g} on average, {allowed:.2g} is allowed"
