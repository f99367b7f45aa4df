"""Loops in which several optimizers follow losses of their own: a GAN's two networks, actor and critic.

The loss of one may fall because the other fails: such curves tell neither progress nor convergence, and the
verdict on them says so. Optimizers that step after one backward share its loss and are judged as one is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbtrain.diagnose.outcome import Outcome
from nbtrain.findings import Severity

LEAST_TURNS = 8  # from one optimizer to another; one that takes over from another once is no rival
MOSTLY = 0.5  # share of the turns from one optimizer to another at which the loss is another
TEXT = (
    "Not judged: {names} follow losses of their own, and one may fall because the other fails. Such curves "
    "do not tell whether the training goes well."
)
ADVICE = (
    "Judge it by what it makes: look at samples, or log a number that does not depend on the other network, "
    "such as a distance to held-out data or a return: nbtrain.log(fid=...)."
)


def rivals(history: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the optimizers of a loop that follow losses of their own; none where they share
    one, or only one steps.

    Args:
        history: by step, with the columns train_loss and, in a loop of several, optimizer.
    """
    if "optimizer" not in history:
        return ()
    names, losses = history["optimizer"].astype(str).to_numpy(), history["train_loss"].to_numpy(dtype=float)
    turns = (names[1:] != names[:-1]) & np.isfinite(losses[1:]) & np.isfinite(losses[:-1])
    # after a shared backward the loss changes too, but only at the turn back to the first of the optimizers
    if turns.sum() < LEAST_TURNS or np.mean(losses[1:][turns] != losses[:-1][turns]) <= MOSTLY:
        return ()
    return tuple(dict.fromkeys(names))


def without_verdict(verdict: Outcome, names: tuple[str, ...]) -> Outcome:
    """Return the verdict on rivals: what broke the numbers stands, all that was read off the curves goes."""
    if any(one.severity is Severity.CRITICAL and one.rule == "nan-loss" for one in verdict.findings):
        return verdict
    listed = " and ".join([", ".join(f"`{name}`" for name in names[:-1]), f"`{names[-1]}`"])
    return Outcome("unclear", (), (ADVICE,), TEXT.format(names=listed), "info")
