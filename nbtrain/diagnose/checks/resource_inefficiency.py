"""A GPU that has nothing to do for much of the time.

What it does
    The median of `gpu_util` (percent; shares of 1 are told from it) is below 60 %, over more than ten epochs
    that have it, the first one left out (it holds the start of workers and compilation). The 60 % are a rule
    of thumb of this project; SageMaker Debugger warns below 70 % at the 95th percentile.

Why it hurts
    The hours are paid for all the same; a run that keeps its GPU busy is over in a fraction of the time.

What to do
    Larger batches, more loader workers, pin_memory; reading values from the device once an epoch.

When to ignore
    Models so small that no batch fills a GPU: train them on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.facts import Facts
from nbtrain.findings import Confidence, Severity
from nbtrain.running.limits import UTILISATION, WAIT_SHARE
from nbtrain.running.limits import UTILISATION_EPOCHS as EPOCHS

LEAST_SHARE = 0.05  # of the time; below it, a value under 1 may as well be a percentage
VERIFY = (
    "Train three epochs with the change: samples per second must rise, and the median utilisation "
    "to 60 % or more."
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    values = facts.history.column("gpu_util")
    held = np.flatnonzero(np.isfinite(values))[1:]
    if len(held) <= EPOCHS:
        seen = f"{len(held)} epochs beside the first have it" if len(held) else "no `gpu_util`"
        yield Gap(f"{seen}: how busy the GPU was is judged from more than {EPOCHS} epochs")
        return
    used = float(np.median(values[held]))
    if _is_share(values[held]):
        used *= 100
    if round(used, 6) >= UTILISATION:
        return
    begin, end = float(facts.curves.epoch[held[0]]), float(facts.curves.epoch[held[-1]])
    waited = facts.history.column("data_wait")
    share = float(np.nanmedian(waited)) if np.isfinite(waited).any() else None
    told = "" if share is None else f"; waiting for data took {100 * share:.0f} % of the time"
    yield Suspicion(
        f"The GPU is busy {used:.0f} % of the time.",
        f"median of {len(held)} epochs ({begin:.0f} to {end:.0f}), the first left out; the limit is 60 "
        f"%{told}",
        Severity.WARNING,
        Confidence.LIKELY,
        _advice(facts, share),
        VERIFY,
        (
            "A model too small for the GPU: then no setting fills it, and a CPU may do.",
            "Validation or checkpoints on the CPU within the epochs.",
        ),
        (Evidence("gpu_util", "span", begin, end, label=f"median {used:.0f} %"),),
        (begin, end),
    )


def _is_share(values: np.ndarray) -> bool:
    """Say whether values are shares where percent are expected: nothing over 1, no idle device, and not whole
    numbers alone: those are percents of a device that is all but idle.
    """
    whole = (values == np.round(values)).all()
    return bool(values.max() <= 1 and np.median(values) >= LEAST_SHARE and not whole)


def _advice(facts: Facts, share: float | None) -> tuple[Recommendation, ...]:
    size = facts.hints.batch_size
    larger = (
        f"A larger batch: {2 * size} instead of {size}" if size else "A larger batch: twice as many samples"
    )
    change = {"batch_size": 2 * size} if size else {}
    waits = share is not None and share > WAIT_SHARE
    return (
        Recommendation(
            f"{larger}, if memory allows; the learning rate may have to grow with it.",
            "medium" if waits else "high",
            "low",
            "medium",
            "utilisation grows towards the share of time in kernels",
            change,
        ),
        Recommendation(
            "Loader workers: `num_workers=4`, `persistent_workers=True`, and store what each sample "
            "computes anew.",
            "high" if waits or share is None else "medium",
            "low",
            "low",
            "waiting for data falls below a tenth of the time",
            {"num_workers": 4},
        ),
        Recommendation(
            "`pin_memory=True` in the loader, and `.to(device, non_blocking=True)`.",
            "medium",
            "low",
            "low",
            "copies run beside the computation",
            {"pin_memory": True},
        ),
        Recommendation(
            "Read values from the device once an epoch: each `.item()` or print in a step makes the "
            "host wait.",
            "medium",
            "low",
            "low",
            "steps follow each other without gaps",
        ),
    )


CHECK = Check("resource-inefficiency", look)
