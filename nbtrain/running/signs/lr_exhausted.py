"""A learning rate that is used up long before the run is."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbtrain import units
from nbtrain.findings import Finding, Severity
from nbtrain.running.limits import LR_LEFT as LEFT
from nbtrain.running.signs.sign import Sign

LOW = 1e-4  # of the highest rate so far; a step schedule is there after four tenths, OneCycleLR at its end
LOW_SHARE = 0.02  # of the run: a cosine touches its bottom for less before it turns up again
LEAST_STEPS = 20


class LrExhausted(Sign):
    """The learning rate stays below a ten-thousandth of its peak with more than a fifth of the steps left.

    A warm-up begins low, and that is no sign: it is measured against the highest rate so far. Said once.
    """

    def __init__(self) -> None:
        self._peak = 0.0
        self._low = 0
        self._said = False

    def recall(self, news: Any) -> None:
        """Know the highest rate before."""
        rates = news.steps.get("lr", np.empty(0))
        self._peak = max([self._peak, *rates[np.isfinite(rates)].tolist()])

    def look(self, news: Any, state: Any) -> list[Finding]:
        """Count the steps at a low rate."""
        total = state.total_steps
        rates = news.steps.get("lr")
        if self._said or not total or rates is None or not len(rates):
            return []
        peaks = np.maximum.accumulate(np.concatenate(([self._peak], rates)))[1:]
        self._peak = float(peaks[-1])
        high = np.flatnonzero(rates > LOW * peaks)
        self._low = self._low + len(rates) if not len(high) else len(rates) - 1 - int(high[-1])
        step = int(news.steps["step"][-1])
        left = total - step
        if self._peak <= 0 or self._low < max(LEAST_STEPS, LOW_SHARE * total) or left <= LEFT * total:
            return []
        self._said = True
        return [
            Finding(
                "lr-exhausted",
                Severity.WARNING,
                "The learning rate is almost zero long before the end: what is left will change little.",
                current=f"lr={units.number(float(rates[-1]))}",
                recommended="end here, or give the schedule the length of the run; run.set_lr(...) raises it",
                evidence=f"at most a ten-thousandth of its peak {units.number(self._peak)} for {self._low:,} "
                f"steps; {left:,} of {total:,} steps are left",
                step=step,
            )
        ]
