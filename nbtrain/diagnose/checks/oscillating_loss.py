"""A train loss that goes up and down instead of settling.

What it does
    After the first quarter the train loss swings, from one epoch to the next, by over 10 % of all it gained
    and 15 % of its level (by parts of the steps: 25 % both). The swing is the upper quartile of the
    distances to the middle of the neighbours, so a trend or a single outlier is none. Where the last
    validation is the best one, swings up to a quarter of the gain are the batches' noise. AutoTrainer looks
    for swings of 3 points of accuracy in a fifth of the epochs.

Why it hurts
    Steps jump over the minimum: which epoch is good is chance, and the loss could be lower than it ever
    gets.

What to do
    A lower or decaying learning rate, larger batches, averaging of weights.

When to ignore
    A cyclic learning rate makes the loss follow it; reinforcement learning and GANs have no quiet loss.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.facts import RAISED_LR, Facts
from nbtrain.diagnose.instability import swings, turn
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

LEAST = 6  # epochs, or as many parts of the steps as `nbtrain.diagnose.curves.in_bins` gives
VERIFY = (
    "From one epoch to the next the train loss of the next run must move by less than a tenth of "
    "what it gained."
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    course, by_epoch = facts.course
    if len(course) < LEAST:
        yield Gap(f"{len(course)} train losses: {LEAST} are needed to tell swings from a course")
        return
    if turn(facts.curves, course) is not None:  # it rises: that is said, and swings on the way up are no more
        return
    found = swings(facts.curves, course, by_epoch)
    if found is None:
        return
    if _follows_the_rate(facts):
        yield Gap("the learning rate goes up and down itself: swings of the loss follow it")
        return
    curves = facts.curves
    share = (
        f"{100 * found.size / found.gained:.0f} % of the {number(found.gained, 3)} it gained"
        if found.gained
        else "it never came below its start"
    )
    place = None
    if by_epoch:
        held = np.flatnonzero(np.isfinite(curves.train_loss))
        place = (float(curves.epoch[held[len(held) // 4]]), float(curves.epoch[held[-1]]))
    unit = "epoch to epoch" if by_epoch else "part to part of the run"
    where = f", from epoch {place[0]:.0f} to {place[1]:.0f}" if place else ""
    advice = (
        remedies.lower_rate(facts, expected="swings shrink with the rate, in proportion"),
        Recommendation(
            "Let the rate decay: a cosine schedule over the whole run.",
            "medium",
            "low",
            "low",
            "the loss settles towards the end",
            {"scheduler": "cosine"},
        ),
        _larger_batch(facts),
        remedies.clip_gradients(facts, impact="low"),
    )
    yield Suspicion(
        f"Train loss goes up and down by about {number(found.size, 2)} from {unit}, around "
        f"{number(found.level, 3)}.",
        f"{share}{where}",
        Severity.WARNING,
        Confidence.LIKELY,
        advice,
        VERIFY,
        (
            "Batches too small or too different from each other: then a larger batch calms it at the "
            "same rate.",
            "Epochs that see different data (a sampler, a curriculum).",
        ),
        (Evidence("loss", "span", *place, label=f"±{number(found.size, 2)}"),) if place else (),
        place,
    )


def _follows_the_rate(facts: Facts) -> bool:
    """Say whether the learning rate was raised by half more than twice: a cycle, not a warm-up."""
    rates = facts.rates
    if len(rates) < 4:
        return False
    rising = rates[1:] > RAISED_LR * rates[:-1]
    later = rising[len(rising) // 5 :]
    return bool(later.sum() >= 2)


def _larger_batch(facts: Facts) -> Recommendation:
    size = facts.hints.batch_size
    said = (
        f"A larger batch: {2 * size} instead of {size}."
        if size
        else "A larger batch, or accumulation of gradients."
    )
    change = {"batch_size": 2 * size} if size else {"accumulate": 2}
    return Recommendation(said, "medium", "low", "low", "noise shrinks by the square root of two", change)


CHECK = Check("oscillating-loss", look, by_loss=True)
