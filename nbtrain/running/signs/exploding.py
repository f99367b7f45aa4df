"""Gradients that have grown far beyond where they started, and stay there."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbtrain import units
from nbtrain.findings import Finding, Severity
from nbtrain.running.limits import EXPLODED_GROWTH as GROWTH
from nbtrain.running.limits import EXPLODED_NORM as NORM
from nbtrain.running.signs.sign import Sign

FIRST_STEPS = 50
RECENT_STEPS = 20


class Exploding(Sign):
    """The median gradient norm of 20 steps is above 100 and ten times that of the first 50 steps.

    The number alone says nothing: a sum over the batch or unscaled targets have norms in their thousands from
    the first step. Single high norms are the alert `gradient-spike`. Said once.
    """

    def __init__(self) -> None:
        self._first = np.empty(0)
        self._recent = np.empty(0)
        self._said = False

    def recall(self, news: Any) -> None:
        """Know the norms of the first steps."""
        norms = news.steps.get("grad_norm", np.empty(0))
        self._first = norms[np.isfinite(norms)][:FIRST_STEPS]

    def look(self, news: Any, state: Any) -> list[Finding]:
        """Take in the norms of new steps."""
        norms = news.steps.get("grad_norm")
        if self._said or norms is None:
            return []
        finite = norms[np.isfinite(norms)]
        self._first = np.concatenate((self._first, finite))[:FIRST_STEPS]
        known = np.concatenate((self._recent, finite))
        self._recent = known[-RECENT_STEPS:]
        if len(self._first) < FIRST_STEPS or len(self._recent) < RECENT_STEPS:
            return []
        start, now = float(np.median(self._first)), float(np.median(self._recent))
        if now <= max(NORM, GROWTH * start):
            return []
        self._said = True
        return [
            Finding(
                "exploding-gradients",
                Severity.WARNING,
                "The gradients have grown far beyond where they started.",
                current=units.number(now),
                recommended="a lower learning rate, gradient clipping (--clip 1.0)",
                evidence=f"median norm of the last {RECENT_STEPS} steps {units.number(now)}, "
                f"of the first {FIRST_STEPS} {units.number(start)}",
                step=int(news.steps["step"][-1]),
            )
        ]
