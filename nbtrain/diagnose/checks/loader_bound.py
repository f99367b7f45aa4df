"""Training that waits for its data for more than half of the time.

What it does
    `data_wait` (the share of the time spent in the loader's `next`), or a column of seconds waited beside
    `epoch_time_s`: median over the epochs beside the first above one half (SageMaker Debugger, trainproof),
    and at least half a minute in all where times are known, since tiny models wait and nobody gains
    anything.

Why it hurts
    The device stands idle; the same run could take half of the time.

What to do
    Workers, persistent ones, pinned memory; store what each sample computes anew.

When to ignore
    Epochs of a second: there is nothing to gain.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.facts import Facts
from nbtrain.findings import Confidence, Severity
from nbtrain.running.limits import WAIT_SHARE, WORTH_WAITING_S
from nbtrain.units import seconds

SHARES = ("data_wait", "data_wait_share", "loader_wait", "loader_share")
TIMES = (
    "data_time_s", "data_wait_s", "loader_time_s", "loader_wait_s", "dataloader_time_s", "data_time",
    "load_time_s",
)  # fmt: skip
LEAST_EPOCHS = 2  # beside the first
VERIFY = (
    "`data_wait` of the next run must be under 0.2, and samples per second must rise in the same proportion."
)
ADVICE = (
    Recommendation(
        "`num_workers=4, persistent_workers=True` in the loader (more, up to the number of cores).",
        "high",
        "low",
        "low",
        "waiting falls to the share that the slowest worker leaves",
        {"num_workers": 4},
    ),
    Recommendation(
        "Store what each sample computes anew: decoded, resized, tokenised once.",
        "high",
        "medium",
        "low",
        "a batch costs a copy instead of a computation",
    ),
    Recommendation(
        "`pin_memory=True` and `non_blocking=True`: copies beside the computation.",
        "medium",
        "low",
        "low",
        "the copy to the device no longer counts",
        {"pin_memory": True},
    ),
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    share, source = _share(facts)
    held = np.flatnonzero(np.isfinite(share))[1:]
    if len(held) < LEAST_EPOCHS:
        yield Gap("no `data_wait` of three epochs: how long the loader kept the training waiting is unknown")
        return
    waits = float(np.median(share[held]))
    if round(waits, 6) <= WAIT_SHARE:
        return
    times = facts.history.column("epoch_time_s")
    total = float(np.nansum(times * share)) if np.isfinite(times).any() else None
    if total is not None and total < WORTH_WAITING_S:
        return
    begin, end = float(facts.curves.epoch[held[0]]), float(facts.curves.epoch[held[-1]])
    told = f"; {seconds(total)} in all" if total is not None else ""
    yield Suspicion(
        f"The training waits for its data {100 * waits:.0f} % of the time.",
        f"`{source}`, median of {len(held)} epochs, the first left out; the limit is a half{told}",
        Severity.WARNING,
        Confidence.LIKELY,
        ADVICE,
        VERIFY,
        ("A slow disk or network, not the loader's code: time one epoch over the loader alone.",),
        (Evidence(source, "span", begin, end, label=f"{100 * waits:.0f} % waiting"),),
        (begin, end),
    )


def _share(facts: Facts) -> tuple[np.ndarray, str]:
    for name in SHARES:
        values = facts.history.column(name)
        if np.isfinite(values).any():
            return (values / 100 if np.nanmax(values) > 1.5 else values), name
    whole = facts.history.column("epoch_time_s")
    for name in TIMES:
        values = facts.history.column(name)
        if np.isfinite(values).any() and np.isfinite(whole).any():
            return values / np.where(whole > 0, whole, np.nan), name
    return np.full(len(facts.curves.epoch), np.nan), "data_wait"


CHECK = Check("loader-bound", look)
