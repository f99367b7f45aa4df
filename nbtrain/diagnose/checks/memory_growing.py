"""Memory that grows from epoch to epoch.

What it does
    A column of memory ("mem", "memory", "rss" in its name) grows by more than a tenth from the second epoch
    on (Theil-Sen line; SageMaker Debugger: 5 to 10 %), surely, and in three quarters of the epochs; six
    epochs at least.

Why it hurts
    The run ends out of memory, hours after it began.

What to do
    `total += loss.item()` instead of `total += loss`; outputs detached before they are kept; lists emptied.

When to ignore
    Caches that fill and stop growing; a first epoch that compiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.trend import trend
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

MEMORY = re.compile(r"(^|_)(mem|memory|rss|vram|reserved|allocated)(_|$)", re.IGNORECASE)
GROWTH = 0.10
RISING = 0.75  # of the epochs
LEAST_EPOCHS = 6
VERIFY = "From the second epoch on the peak memory of the next run must stay within 2 %."
ADVICE = (
    Recommendation(
        "Keep numbers, not tensors: `total += loss.item()` or `loss.detach()` where losses are added up.",
        "high",
        "low",
        "low",
        "memory stays flat from the second epoch on",
    ),
    Recommendation(
        "Detach and move what is kept of outputs (`.detach().cpu()`), and empty lists at the epoch's end.",
        "high",
        "low",
        "low",
        "memory stays flat",
    ),
    Recommendation(
        "Validate under `torch.no_grad()`.",
        "medium",
        "low",
        "low",
        "no graph of the validation is kept",
    ),
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    names = [str(name) for name in facts.history.epochs if MEMORY.search(str(name))]
    judged = False
    for name in names:
        values = facts.history.column(name)
        held = np.flatnonzero(np.isfinite(values))[1:]
        if len(held) < LEAST_EPOCHS - 1:
            continue
        judged = True
        used = values[held]
        line = trend(used)
        grown = line.change / max(abs(float(np.median(used[:3]))), 1e-12)
        if grown > GROWTH and line.sure and float((np.diff(used) > 0).mean()) >= RISING:
            begin, end = float(facts.curves.epoch[held[0]]), float(facts.curves.epoch[held[-1]])
            yield Suspicion(
                f"`{name}` grows by {100 * grown:.0f} % over the run.",
                f"from {number(float(used[0]), 3)} at epoch {begin:.0f} to {number(float(used[-1]), 3)} "
                f"at epoch {end:.0f}, "
                f"{number(line.slope, 2)} an epoch; the limit is 10 %",
                Severity.WARNING,
                Confidence.LIKELY,
                ADVICE,
                VERIFY,
                (
                    "A cache that is still filling: it stops by itself.",
                    "Sequences or pictures that grow by a curriculum.",
                ),
                (Evidence(name, "span", begin, end, label=f"+{100 * grown:.0f} %"),),
                (begin, end),
            )
            return
    if not judged:
        yield Gap("no memory column of six epochs")


CHECK = Check("memory-growing", look)
