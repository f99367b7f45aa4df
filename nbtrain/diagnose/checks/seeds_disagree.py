"""Runs that differ in nothing but their seed come to different results.

What it does
    Where histories of several seeds are given (folders `seed-*`): validation accuracies, means of the last
    three epochs, that lie more than 8 points apart; or, without accuracies, final losses whose largest is
    half as high again as their median. Rules of thumb of this project.

Why it hurts
    One run says little then: a change of a few points may be the seed's, and the luckiest seed is not the
    best model.

What to do
    Compare with several seeds on each side; a warm-up, a lower rate, a larger validation set make them
    agree.

When to ignore
    Tasks known to depend on luck (reinforcement learning): then report the distribution.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Gap, Recommendation, Suspicion
from nbtrain.diagnose.curves import read_curves, recent
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.outcome import ACCURACY_SPREAD
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

LOSS_RATIO = 1.5
VERIFY = (
    "Three seeds with the change: their results must lie within 8 points, or within their validation noise."
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    seeds = facts.history.seeds
    if len(seeds) < 2:
        yield Gap("one seed: how much of the result is chance cannot be told from one run")
        return
    curves = {name: read_curves(one.epochs, one.steps) for name, one in seeds.items()}
    scores = {name: recent(one.val_acc) for name, one in curves.items()}
    scores = {name: value for name, value in scores.items() if np.isfinite(value)}
    if len(scores) > 1:
        apart = max(scores.values()) - min(scores.values())
        if round(apart, 6) > ACCURACY_SPREAD:
            said = ", ".join(f"`{name}` {100 * value:.1f} %" for name, value in scores.items())
            yield _said(
                facts, f"{len(scores)} seeds lie {100 * apart:.1f} points of validation accuracy apart.", said
            )
        return
    losses = {
        name: recent(one.val_loss if one.has_validation else one.train_loss) for name, one in curves.items()
    }
    losses = {name: value for name, value in losses.items() if np.isfinite(value)}
    middle = float(np.median(list(losses.values()))) if losses else 0.0
    if len(losses) > 1 and middle > 0 and max(losses.values()) > LOSS_RATIO * middle:
        said = ", ".join(f"`{name}` {number(value, 3)}" for name, value in losses.items())
        yield _said(facts, f"{len(losses)} seeds end at different losses.", said)


def _said(facts: Facts, issue: str, evidence: str) -> Suspicion:
    advice = (
        Recommendation(
            "Compare settings by several seeds on each side, and report mean and spread.",
            "high",
            "medium",
            "low",
            "differences smaller than the spread are seen to be none",
            {"seeds": 5},
        ),
        remedies.warm_up(),
        remedies.lower_rate(facts, impact="medium"),
    )
    return Suspicion(
        issue,
        evidence,
        Severity.WARNING,
        Confidence.LIKELY,
        advice,
        VERIFY,
        (
            "A validation set so small that the split decides.",
            "One seed that failed: look at its own diagnosis.",
        ),
    )


CHECK = Check("seeds-disagree", look)
