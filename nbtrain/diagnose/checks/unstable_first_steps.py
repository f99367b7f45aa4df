"""A loss that leaps up in the first steps before it falls.

What it does
    With steps: within the first tenth the loss (running medians of three, of more where single losses
    scatter) rises over its first value by half or more, and by four standard deviations of single losses, and
    comes back later. With epochs alone: in the second or third of eight or more epochs the train loss is half
    as high again as in the first, and later falls below it. The half is more than noise of three steps makes.

Why it hurts
    The first, largest steps are spent on undoing the initial weights; units die, and pretrained weights are
    lost.

What to do
    A warm-up over the first 5 % of the steps (the Tuning Playbook: at most a tenth), clipping, a lower peak
    rate.

When to ignore
    The loss is back within a dozen steps (of a leap to under three times the start: within 2 % of them) and
    the run ends well.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Suspicion
from nbtrain.diagnose.curves import noise, present, smooth
from nbtrain.diagnose.facts import Facts
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

LEAP = 1.5  # times the first loss
LEAST_STEPS, LEAST_EPOCHS = 50, 8
SOON_STEPS = 12
BACK_SOON = 0.02  # of the steps: then it is only said, of a leap that is not high
WIDEST = 201  # steps of one median: its error falls with the root of them, its cost grows with all
SCATTERS = 4  # standard deviations of single losses: the highest of hundreds of medians of three
HIGH = 3.0  # times the first loss
VERIFY = "In the first tenth of the next run the loss must not rise over its first value."


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    curves = facts.curves
    steps = present(curves.step_loss)
    losses = present(curves.train_loss)
    if len(steps) >= LEAST_STEPS:
        yield from _by_steps(facts, steps)
    elif len(losses) >= LEAST_EPOCHS:
        high = float(losses[1:3].max())
        if losses[0] > 0 and high > LEAP * losses[0] and losses[3:].min() < losses[0]:
            at = 1 + int(losses[1:3].argmax())
            yield _said(
                facts,
                f"Train loss rose from {number(losses[0], 3)} to {number(high, 3)} before it fell.",
                f"epoch {curves.epoch[at]:.0f} of {len(losses)}; {number(facts.end, 3)} at the end",
                Severity.WARNING,
                (Evidence("loss", "point", float(curves.epoch[at]), value=high, label="leap"),),
                (float(curves.epoch[0]), float(curves.epoch[at])),
            )
    else:
        yield Gap("fewer than 50 steps and fewer than eight epochs with a train loss")


def _by_steps(facts: Facts, steps: np.ndarray) -> Iterator[Suspicion | Gap]:
    begin = steps[: max(20, len(steps) // 10)]
    level = float(np.median(begin))
    if level <= 0:
        return
    scatter = noise(begin)
    width = _width(scatter / max(level, 1e-12), len(begin))
    first = float(np.median(steps[: width if width > 3 or len(steps) >= 200 else 1]))
    calm = smooth(begin) if width == 3 else _medians(begin, width)
    top = int(calm.argmax())
    if (
        first <= 0
        or calm[top] <= max(LEAP * first, first + SCATTERS * scatter)
        or float(np.median(steps[-max(5, len(steps) // 20) :])) >= first
    ):
        return
    back = np.flatnonzero(smooth(steps)[top:] <= first)
    lasted = top + (int(back[0]) if len(back) else len(steps) - top)
    soon = max(3, min(SOON_STEPS, 0.05 * len(steps)))
    settled = lasted <= soon or (lasted <= BACK_SOON * len(steps) and calm[top] < HIGH * first)
    yield _said(
        facts,
        f"The loss leapt from {number(first, 3)} to {number(float(calm[top]), 3)} in the first steps.",
        f"highest at step {top + 1:,}, back at its start by step {lasted + 1:,} of {len(steps):,}",
        Severity.INFO if settled else Severity.WARNING,
        (),
        None,
    )


def _width(scatter: float, count: int) -> int:
    """Return of how many steps a median has an error of a tenth of its level, given the relative scatter of
    one; odd, 3 to a quarter of the steps there are, at most 201.
    """
    return max(3, min(int((1.25 * scatter / 0.1) ** 2), count // 4, WIDEST) | 1)


def _medians(values: np.ndarray, width: int) -> np.ndarray:
    """Return running medians, (n,); the ends have those of their next ones."""
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    return np.pad(np.median(windows, axis=1), width // 2, mode="edge")


def _said(
    facts: Facts,
    issue: str,
    evidence: str,
    severity: Severity,
    marks: tuple[Evidence, ...],
    place: tuple[float, float] | None,
) -> Suspicion:
    return Suspicion(
        issue,
        evidence,
        severity,
        Confidence.POSSIBLE if severity is Severity.INFO else Confidence.LIKELY,
        (
            remedies.warm_up(impact="high"),
            remedies.clip_gradients(facts, impact="medium"),
            remedies.lower_rate(facts, impact="medium"),
        ),
        VERIFY,
        ("Initial weights or inputs of a wild scale: normalise the inputs first.",),
        marks,
        place,
    )


CHECK = Check("unstable-first-steps", look, by_loss=True)
