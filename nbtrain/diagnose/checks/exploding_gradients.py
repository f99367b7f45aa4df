"""Gradients that grow far beyond where they started, and stay there.

What it does
    The total norm before clipping: the median of the last three epochs (or of the last twentieth of the
    steps) is above 100 (above 10 while the loss does not fall) and ten times that of the first quarter (the
    limits of the alert). Or three epochs or more above 100 and ten times the median of the others. Or the
    norm is not finite in two epochs or at the end. By layer: one layer's norm is above 100 and seventy
    times the median of the layers (AutoTrainer's ratio), in the last three epochs. A single high epoch is
    no finding.

Why it hurts
    One step along such a gradient throws away what was learned; the next thing to see is often NaN.

What to do
    Clip the norm, lower the learning rate, warm it up; in recurrent nets shorten the sequences.

When to ignore
    The optimizer normalises steps (Adam) and the loss still falls: high norms alone harm little.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.layers import layer_norms
from nbtrain.findings import Confidence, Severity
from nbtrain.running.limits import EXPLODED_GROWTH, EXPLODED_NORM
from nbtrain.units import number

LEAST_EPOCHS = 4
LEAST_STEPS = 60
SUSTAINED = 3  # epochs
LOW_NORM = 10.0  # in place of 100 while the loss does not fall
LAYER_RATIO = 70.0  # of one layer to the median of all (AutoTrainer)
VERIFY = "The gradient norm of the next run must stay within ten times that of its first epochs."
OTHERS = (
    "A loss that sums over the batch, or targets that are not scaled, have norms in the thousands from "
    "the first step "
    "on: growth is what counts.",
    "Single outliers of the data: look at the batches with the highest norms.",
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    found = _overflown(facts)
    if found is not None:
        yield found
    else:
        yield from _total(facts)


def _overflown(facts: Facts) -> Suspicion | None:
    """Norms that are not finite: in one epoch before the last a GradScaler's trial explains it."""
    bad = facts.history.overflown
    last = float(facts.curves.epoch[-1]) if len(facts.curves.epoch) else float("nan")
    if not bad or (len(bad) < 2 and bad[-1].epoch != last):
        return None
    return _said(
        facts,
        f"The gradient norm is {number(bad[0].value)} at epoch {bad[0].epoch:.0f}.",
        f"not finite in {len(bad)} epoch{'s' if len(bad) > 1 else ''}",
        (float(bad[0].epoch or 0), last),
    )


def _total(facts: Facts) -> Iterator[Suspicion | Gap]:
    norms, at = facts.history.column("grad_norm"), facts.curves.epoch
    held = np.isfinite(norms)
    norms, at = norms[held], at[held]
    unit = "epoch"
    if len(norms) < LEAST_EPOCHS:
        steps = facts.curves.grad_norm
        held = np.isfinite(steps)
        norms, at, unit = steps[held], facts.curves.step[held], "step"
        if len(norms) < LEAST_STEPS:
            if (found := _layers(facts)) is not None:
                yield found
            elif not layer_norms(facts.history):
                yield Gap("no gradient norms (`grad_norm`) of four epochs or sixty steps")
            return
    found = _growth(facts, norms, at, unit) or _layers(facts)
    if found is not None:
        yield found


def _growth(facts: Facts, norms: np.ndarray, at: np.ndarray, unit: str) -> Suspicion | None:
    first = float(np.median(norms[: max(2 if unit == "epoch" else 20, len(norms) // 4)]))
    tail = min(3, len(norms) - 2) if unit == "epoch" else max(20, len(norms) // 20)
    now = float(np.median(norms[-tail:]))
    norm = EXPLODED_NORM if facts.late_trend.slope < 0 else LOW_NORM
    limit = max(norm, EXPLODED_GROWTH * first)
    if now > limit:
        # from where on it never came back under the limit
        below = np.flatnonzero(norms <= limit)
        begin = at[min(int(below[-1]) + 1, len(at) - 1)] if len(below) else at[0]
        return _said(
            facts,
            f"The gradient norm grew to {number(now, 3)}, from {number(first, 3)} at the start.",
            f"median of the last {tail} {unit}s against the first quarter; above {number(limit, 3)} "
            f"from {unit} {begin:,.0f} on; "
            f"the highest is {number(float(norms.max()), 3)}",
            (float(begin), float(at[-1])) if unit == "epoch" else None,
        )
    middle = float(np.median(norms))
    high = norms > max(EXPLODED_NORM, EXPLODED_GROWTH * middle)
    if unit == "epoch" and high.sum() >= SUSTAINED:
        places = at[high]
        return _said(
            facts,
            f"The gradient norm exceeds ten times its median in {int(high.sum())} epochs, up to "
            f"{number(float(norms.max()), 3)}.",
            f"median {number(middle, 3)}; epochs {', '.join(f'{one:.0f}' for one in places[:6])}",
            (float(places[0]), float(places[-1])),
        )
    return None


def _layers(facts: Facts) -> Suspicion | None:
    """One layer whose gradient dwarfs that of the others, in the last epochs that tell layers apart."""
    rows = layer_norms(facts.history)[-3:]
    if not rows or len(rows[-1][1]) < 3:
        return None
    names = [name for name in rows[-1][1] if all(name in norms for _, norms in rows)]
    typical = {name: float(np.median([norms[name] for _, norms in rows])) for name in names}
    if len(typical) < 3:
        return None
    worst = max(typical, key=typical.__getitem__)
    middle = float(np.median(list(typical.values())))
    if not np.isfinite(typical[worst]) or typical[worst] > max(EXPLODED_NORM, LAYER_RATIO * middle):
        return _said(
            facts,
            f"The gradient of `{worst}` is {number(typical[worst], 3)}, the median layer's "
            f"{number(middle, 3)}.",
            f"median of the last {len(rows)} epochs that tell the layers apart",
            (rows[0][0], rows[-1][0]),
        )
    return None


def _said(facts: Facts, issue: str, evidence: str, place: tuple[float, float] | None) -> Suspicion:
    rows = layer_norms(facts.history)
    if rows and "`" not in issue:
        named = sorted(rows[-1][1].items(), key=lambda one: -one[1])[:3]
        evidence += "; largest at the end: " + ", ".join(
            f"`{name}` {number(norm, 3)}" for name, norm in named
        )
    marks = (Evidence("grad_norm", "span", *place, label="grown"),) if place else ()
    advice: tuple[Recommendation, ...] = (
        remedies.clip_gradients(facts),
        remedies.lower_rate(facts),
        remedies.warm_up(),
        Recommendation(
            "Normalise: layer norm or batch norm before the layers with the largest gradients, smaller "
            "initial weights.",
            "medium",
            "medium",
            "low",
            "norms of the layers within a factor of ten of each other",
        ),
    )
    return Suspicion(
        issue,
        evidence,
        Severity.CRITICAL,
        Confidence.LIKELY,
        advice,
        VERIFY,
        OTHERS,
        marks,
        place,
    )


CHECK = Check("exploding-gradients", look)
