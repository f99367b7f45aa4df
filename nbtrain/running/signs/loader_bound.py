"""Training that waits for its data more than it computes."""

from __future__ import annotations

import os
from typing import Any

from torch.utils.data import DataLoader, TensorDataset

from nbtrain import units
from nbtrain.findings import Finding, Severity
from nbtrain.running.limits import WAIT_SHARE as SHARE
from nbtrain.running.limits import WORTH_WAITING_S as WORTH_S
from nbtrain.running.signs.sign import Sign

CLEAR_SHARE, CLEAR_WAIT_S = 0.8, 0.005  # so much of the time, and so long for each batch, is worth it soon
SOON_S = 1.0  # of waiting in all
LEAST_STEPS = 10


class LoaderBound(Sign):
    """More than half of the time goes into waiting for batches, and it adds up to something.

    Waiting is the time inside the loader's `next`, measured in the loop with one reading of the clock. The
    first batch of each epoch, where workers start, is left out; when those alone make more than half, that is
    said instead. A tiny model on a tiny data set waits half of its time as well, a few tenths of a
    millisecond a step, milliseconds on a busy machine: nobody gains anything there until it comes to half a
    minute. Said once.

    Args:
        loader: the training loader, for advice that fits it.
    """

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._begin: tuple[float, ...] | None = None  # a resumed run counts on from where it was
        self._said = False

    def look(self, news: Any, state: Any) -> list[Finding]:
        """Compare the time waited with the time trained."""
        now = (state.step, state.epoch, state.train_s, state.wait_s, state.first_wait_s)
        if self._begin is None:
            self._begin = now
        taken, epochs, trained, waited, starting = (a - b for a, b in zip(now, self._begin, strict=True))
        steps, later = taken - epochs, waited - starting
        if self._said or taken < LEAST_STEPS or trained <= 0:
            return []
        if (
            steps > 0
            and later > SHARE * (trained - starting)
            and self._adds_up(later, trained - starting, steps)
        ):
            self._said = True
            each, rest = later / steps, (trained - starting - later) / steps
            return [
                self._finding(
                    state.step,
                    "More than half of the time the training waits for its data.",
                    later / (trained - starting),
                    f"{units.seconds(later)} of {units.seconds(trained - starting)}: {units.seconds(each)} "
                    f"for each batch, the step itself {units.seconds(rest)}",
                    advice(self._loader),
                )
            ]
        if epochs >= 2 and starting > SHARE * trained and starting > SOON_S:
            self._said = True
            return [
                self._finding(
                    state.step,
                    "More than half of the time goes into the first batch of each epoch.",
                    starting / trained,
                    f"{units.seconds(starting)} of {units.seconds(trained)}, "
                    f"{units.seconds(starting / epochs)} at the start of each epoch",
                    "persistent_workers=True keeps the workers alive between epochs"
                    if getattr(self._loader, "num_workers", 0)
                    else "see what the loader does when it starts: it reads or shuffles anew each epoch",
                )
            ]
        return []

    def _adds_up(self, waited: float, trained: float, steps: int) -> bool:
        clear = waited > CLEAR_SHARE * trained and waited / steps > CLEAR_WAIT_S
        return waited > WORTH_S or (clear and waited > SOON_S)

    def _finding(self, step: int, issue: str, share: float, evidence: str, advice: str) -> Finding:
        return Finding(
            "loader-bound", Severity.WARNING, issue,
            current=f"{share:.0%} of the time", recommended=advice, evidence=evidence, step=step,
        )  # fmt: skip


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def advice(loader: Any) -> str:
    """Return what makes this loader faster, the surest first."""
    if not isinstance(loader, DataLoader):
        return "prepare the batches once and keep them, or give a torch DataLoader with num_workers"
    said = []
    if not loader.num_workers:
        if isinstance(loader.dataset, TensorDataset):
            said.append("larger batches, or slices of the tensors instead of single samples")
        said.append(f"num_workers={max(1, min(4, cores() - 1))} makes batches beside the training")
    else:
        said.append(f"more workers (now {loader.num_workers}, {cores()} cores)")
        if not loader.persistent_workers:
            said.append("persistent_workers=True")
        said.append("costly transforms done once beforehand")
    return ", ".join(said)
