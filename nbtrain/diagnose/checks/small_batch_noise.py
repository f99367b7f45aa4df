"""Batches so small that their noise covers what the loss does.

What it does
    With steps: single losses of the last quarter scatter by more than half of their level (standard
    deviation from second differences). With epochs alone: the train loss swings by over 5 % of its level
    from epoch to epoch in the last half. Either counts as a warning where the batch is known to hold eight
    samples or fewer (torch-audit's limit for batch norm) and validation did not end at its best; else it is
    only said, of steps alone.

Why it hurts
    The gradient of so few samples points elsewhere each time: the rate must be low, and the end is never
    quiet.

What to do
    Larger batches, or gradients of several batches added up; a rate that decays.

When to ignore
    Small batches by nature (graphs, whole volumes) with a low rate that ends where it should. A validation
    accuracy that stays at 99.5 % or more: nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.curves import noise, present, swing
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.learning import is_solved
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

SMALL = 8  # samples
SCATTER = 0.5  # of the level, of single steps
EPOCH_SWING = 0.05
LEAST_STEPS, LEAST_EPOCHS = 200, 8
VERIFY = (
    "With four times the batch the scatter of single losses must halve, at the same number of samples seen."
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    size = _batch_size(facts)
    steps = present(facts.curves.step_loss)
    if len(steps) < LEAST_STEPS and size is None:
        yield Gap("neither losses of 200 steps nor the batch size (`batch_size`)")
        return
    if is_solved(facts.curves):
        return
    small = size is not None and size <= SMALL
    if len(steps) >= LEAST_STEPS:
        last = steps[-len(steps) // 4 :]
        scatter, level = noise(last), abs(float(np.median(last)))
        if scatter <= SCATTER * level or level < 1e-3 * abs(facts.start):
            return
        what = (
            f"single losses scatter by {number(scatter, 2)} around {number(level, 3)} in the last "
            "quarter of the steps"
        )
    else:
        losses = present(facts.curves.train_loss)
        if facts.history.passes is not None:
            yield Gap(f"{len(steps)} losses by step, of {LEAST_STEPS}, and none by epoch")
            return
        if not small or len(losses) < LEAST_EPOCHS:
            return
        last = losses[len(losses) // 2 :]
        scatter, level = swing(last), abs(float(np.median(last)))
        if scatter <= EPOCH_SWING * level:
            return
        what = f"the train loss moves by {number(scatter, 2)} around {number(level, 3)} from epoch to epoch"
    valid = present(facts.curves.val_loss)
    settled = len(valid) > 2 and valid[-1] <= valid.min() * 1.02
    sure = small and not settled
    if not small and size is not None:
        return
    advice = _advice(facts, size)
    curves = facts.curves
    place = (
        (float(curves.epoch[len(curves.epoch) // 2]), float(curves.epoch[-1])) if len(curves.epoch) else None
    )
    yield Suspicion(
        f"The loss is noisy{f' with batches of {size}' if size else ''}: {what}.",
        f"batch size {size or 'unknown'}; the level of the noise is "
        f"{100 * scatter / max(level, 1e-12):.0f} % of the loss",
        Severity.WARNING if sure else Severity.INFO,
        Confidence.LIKELY if sure else Confidence.POSSIBLE,
        advice,
        VERIFY,
        ("Samples that differ much in difficulty or length make single losses scatter at any size.",),
        (Evidence("loss", "span", *place, label="noise"),) if place else (),
        place,
    )


def _batch_size(facts: Facts) -> int | None:
    if facts.hints.batch_size:
        return facts.hints.batch_size
    sizes = present(facts.history.column("batch_size"))
    return int(sizes[-1]) if len(sizes) and sizes[-1] >= 1 else None


def _advice(facts: Facts, size: int | None) -> tuple[Recommendation, ...]:
    target = max(32, 4 * (size or 8))
    return (
        Recommendation(
            f"Batches of {target} samples" + (f" instead of {size}." if size else "."),
            "high",
            "low",
            "low",
            "scatter falls with the square root of the size",
            {"batch_size": target},
        ),
        Recommendation(
            "Or the gradients of four batches added up (`--accumulate 4`), where memory allows no "
            "larger ones.",
            "high",
            "low",
            "low",
            "half of the scatter, the same memory",
            {"accumulate": 4},
        ),
        remedies.lower_rate(facts, impact="medium"),
    )


CHECK = Check("small-batch-noise", look, by_loss=True)
