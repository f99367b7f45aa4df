"""Batches that outlast a worker: where one of the loader's processes dies, its loader is started again, once.

It goes on with the batch that was waited for: the same order, the same draws (as a resumed run, see
`nbtrain.train.feed`). A second death ends the run. And a wait that does not end is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from nbtrain import units
from nbtrain.errors import WorkerDied
from nbtrain.findings import Severity
from nbtrain.running.control import Control, Stopped
from nbtrain.running.workers import end_workers, while_waiting
from nbtrain.runs.rng import capture_rng
from nbtrain.train.feed import Feed
from nbtrain.train.guards.global_draws import GlobalDraws

WAIT_S = 60.0  # for a batch, before it is told


class Lasting:
    """The batches of a run's epochs.

    Args:
        feed: gives them. state: the counters. control: the mailbox; a stop is obeyed while workers are waited
            for. tell: see `nbtrain.running.guards.guards.Guards.tell`.
        looks: also look for cells that draw from generators of the process while data is read here.
    """

    def __init__(
        self, feed: Feed, state: Any, control: Control, tell: Callable[..., None], *, looks: bool = True
    ) -> None:
        self._feed, self._state, self._control, self._tell = feed, state, control, tell
        reads_here = looks and not getattr(feed.loader, "num_workers", 0)
        self._draws = GlobalDraws(tell, seeded=feed.seed is not None) if reads_here else None
        self._deaths = 0
        self._waits_since: float | None = None
        self._told_of: float | None = None

    def batches(self, epoch: int) -> Iterator[Any]:
        """Return the batches of an epoch, or those that a resumed run has left of it.

        Raises:
            WorkerDied: a second time in this run. Stopped: the run was asked to end while workers were waited
                for; everything stands at a step boundary.
        """
        items, taken, draws = self._feed.batches(epoch), self._state.batch, self._draws
        while_waiting(items, self._obey)
        try:
            while True:
                self._waits_since = time.monotonic()
                if draws is not None:
                    draws.before()
                try:
                    batch = next(items)
                    if draws is not None:
                        draws.after()
                except StopIteration:
                    return
                except Stopped:
                    end_workers(items)
                    raise
                except WorkerDied as error:
                    died = error
                else:
                    self._waits_since = None
                    taken += 1
                    yield batch
                    continue
                items = self._again(items, epoch, taken, died)
                while_waiting(items, self._obey)
        finally:
            while_waiting(items, int)  # a loader that keeps its workers shall not keep the run

    def _obey(self) -> None:
        if self._control.stopping:
            raise Stopped(self._control.stop_reason)

    def _again(self, items: Iterator[Any], epoch: int, taken: int, died: WorkerDied) -> Iterator[Any]:
        self._deaths += 1
        if self._deaths > 1:
            died.message += f" It is the second of this run, at batch {taken + 1:,} of epoch {epoch}."
            raise died
        end_workers(items)
        try:
            place = self._feed.state_dict(epoch, taken, within=True)
            missing = self._feed.rewind(place, capture_rng(), lambda: not self._control.stopping)
            items = self._feed.batches(epoch)
        except Exception as error:  # a loader of the person's own that cannot be begun again
            raise died from error
        self._tell(
            "worker-died", f"{died.message} The loader was started again at the same batch.",
            evidence=f"batch {taken + 1:,} of epoch {epoch}" + "".join(f"; {word}" for word in missing),
            recommended=died.suggestion, severity=Severity.WARNING,
            batch=taken + 1, epoch=epoch, exact=not missing, **died.details,
        )  # fmt: skip
        return items

    def notice(self) -> None:
        """Tell of a batch that is waited for too long; called by the pump."""
        since = self._waits_since
        waited = time.monotonic() - since if since is not None else 0.0
        if since is None or waited < WAIT_S or since == self._told_of:
            return
        self._told_of = since
        loader = self._feed.loader
        workers = getattr(loader, "num_workers", 0)
        who = f"its {workers} workers are alive and give none" if workers else "the data set gives none"
        self._tell(
            "waiting-for-data", f"Waiting for data for {units.seconds(waited)}: {who}.",
            evidence=f"batch {self._state.batch + 1:,} of epoch {self._state.epoch}",
            recommended="a lock, a network disk or a download may hold it up",
            severity=Severity.WARNING, seconds=round(waited, 1),
        )  # fmt: skip
