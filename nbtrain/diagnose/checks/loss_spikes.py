"""A train loss that jumped and came back.

What it does
    After the first quarter the train loss jumps back by more than 60 % of all it had gained, over six
    standard deviations of its noise, and ends low again. It is only said: the run recovered.

Why it hurts
    Each spike costs the epochs until the loss is back; a larger one may not come back.

What to do
    Clip gradients, look at the batches around the jump.

When to ignore
    A warm restart of the learning rate, or data that changed there on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.instability import jumps, swings, turn
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

VERIFY = "No epoch of the next run may lose more than a tenth of what was gained before it."


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    course, by_epoch = facts.course
    if len(course) < 4:
        yield Gap(f"{len(course)} train losses: four are needed")
        return
    curves = facts.curves
    found = jumps(curves, course)
    if found is None or turn(curves, course) is not None or swings(curves, course, by_epoch) is not None:
        return
    held = np.flatnonzero(np.isfinite(curves.train_loss))
    epoch = float(curves.epoch[held[found.at]]) if by_epoch else None
    where = (
        f"at epoch {epoch:.0f}"
        if epoch is not None
        else f"after {100 * (found.at + 1) / len(course):.0f} % of the steps"
    )
    times = "once" if found.times == 1 else f"{found.times} times"
    yield Suspicion(
        f"Train loss jumped up {times}, to {number(found.height, 3)} {where}, and came back.",
        f"{number(found.before, 3)} before it, {number(facts.end, 3)} at the end",
        Severity.INFO,
        Confidence.POSSIBLE,
        (
            remedies.clip_gradients(facts, impact="medium"),
            Recommendation(
                "Look at the batches around the jump: outliers, wrong labels, inputs that are not "
                "normalised.",
                "medium",
                "medium",
                "low",
                "the samples that made it, to repair or to drop",
            ),
        ),
        VERIFY,
        ("A learning rate that was raised there.",),
        (Evidence("loss", "point", epoch, value=found.height, label="spike"),) if epoch is not None else (),
        (epoch, epoch) if epoch is not None else None,
    )


CHECK = Check("loss-spikes", look, by_loss=True)
