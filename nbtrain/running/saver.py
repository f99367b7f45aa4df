"""Saving beside the training: snapshots are copied, and a thread of their own brings them to the disk.

Owns the copies and the thread, and what saving has cost so far. When something is saved, and what it is, is
`nbtrain.train.callbacks.checkpoint`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nbtrain import units
from nbtrain.errors import UserError
from nbtrain.running.writer import Outcome, Writer
from nbtrain.runs.host_copy import HostCopies, HostCopy, there_is_room
from nbtrain.runs.plain import tensor_bytes


@dataclass
class Snapshot:
    """A checkpoint to be: everything it holds, as of one step.

    Attributes:
        data: {"model": state_dict, "state": the rest}, plain; the living tensors until it is held.
        copied: the copy that `data` is, None while it is not one.
    """

    step: int
    epoch: int
    data: dict[str, Any]
    metrics: dict[str, float]
    copied: HostCopy | None = None


@dataclass
class Saving:
    """What saving has cost a run so far.

    Attributes:
        saves: checkpoints committed. paused_s: the training waited for them, in all.
        beside_s: processor time of the writing beside it.
        newest_s: what the newest save took of the training's time: pause and processor.
    """

    saves: int = 0
    paused_s: float = 0.0
    beside_s: float = 0.0
    newest_s: float = 0.0

    def __str__(self) -> str:
        count = f"{self.saves} checkpoint{'s' if self.saves > 1 else ''}"
        return (
            f"{count} saved: training paused {units.seconds(self.paused_s)} in all, "
            f"{units.seconds(self.beside_s)} of a processor beside it"
        )


class Saver:
    """Brings snapshots to the disk, one save at a time; used by the training thread.

    Args:
        store: where checkpoints go. keep: periodic ones kept.
        on_trouble: told in words what could not be saved. on_saved: told of each checkpoint committed; both
            also from the thread that writes. goes_on: what a failed save does not stop.

    Attributes:
        saving: what it has cost. began: when the newest save began, by `time.monotonic`.
    """

    def __init__(
        self, store: Any, *, keep: int, on_trouble: Callable[[str], None], on_saved: Callable[[Any], None],
        goes_on: str = "Training",
    ) -> None:  # fmt: skip
        self._goes_on = f"{goes_on} goes on."
        self._store, self._keep, self.on_trouble, self._on_saved = store, keep, on_trouble, on_saved
        self._writer, self._copies = Writer("nbtrain-checkpoints"), HostCopies()
        self._pause_s = 0.0  # of the save whose outcome was not taken yet
        self.saving, self.began = Saving(), time.monotonic()

    @property
    def busy(self) -> bool:
        """True while a save is being written."""
        return self._writer.busy

    def settle(self) -> list[Snapshot] | None:
        """Wait until nothing is being written; return what is on the disk since, None where nothing was."""
        began = time.monotonic()
        outcome = self._writer.outcome()
        return None if outcome is None else self._take(outcome, self._pause_s + time.monotonic() - began)

    def write(self, jobs: Sequence[Snapshot], began: float, *, wait: bool) -> list[Snapshot] | None:
        """Commit some snapshots, in this order, beside the training where there is room for copies.

        Args:
            began: when the training began to wait for it. wait: return when they are on the disk.

        Returns:
            What is on the disk; None where it is under way, and `settle` will tell.
        """
        beside = not wait and all(map(self.hold_still, jobs))
        self.began = began
        if beside:
            self._writer.begin(lambda: self._commit(jobs))
            self._pause_s = time.monotonic() - began
            return None
        outcome = self._writer.do_here(lambda: self._commit(jobs))
        return self._take(outcome, time.monotonic() - began, alone=True)

    def _commit(self, jobs: Sequence[Snapshot]) -> list[Snapshot]:
        """Write snapshots to the disk, in whichever thread; return those that are there."""
        done = []
        for job in jobs:
            with self.said(job.step):
                info = self._store.save(
                    job.step, job.data["model"], job.data["state"], epoch=job.epoch, metrics=job.metrics,
                    keep=self._keep,
                )  # fmt: skip
                done.append(job)
                self._on_saved(info)
        return done

    def _take(self, outcome: Outcome, pause_s: float, *, alone: bool = False) -> list[Snapshot]:
        if outcome.error is not None:
            self.on_trouble(f"a checkpoint could not be saved: {outcome.error!r} {self._goes_on}")
        done = outcome.value or []
        for job in done:
            self.give_back(job)
        beside_s = 0.0 if alone else outcome.processor_s
        self.saving.saves += len(done)
        self.saving.paused_s += pause_s
        self.saving.beside_s += beside_s
        self.saving.newest_s = pause_s + beside_s
        return done

    @contextmanager
    def said(self, step: int) -> Iterator[None]:
        """Say what fails in the block: the disk, no memory for a copy, a state_dict of the person's own."""
        try:
            yield
        except Exception as error:
            kind = "" if isinstance(error, (UserError, OSError)) else f"{type(error).__name__}: "
            self.on_trouble(
                f"the checkpoint of step {step:,} could not be saved: {kind}{error} {self._goes_on}"
            )

    def hold_still(self, snapshot: Snapshot) -> bool:
        """Make a snapshot a copy that later steps do not touch; False where there is no room for one."""
        if snapshot.copied is None:
            if not there_is_room(tensor_bytes(snapshot.data) - self._copies.kept_bytes):
                return False
            try:
                snapshot.copied = self._copies.copy(snapshot.data)
            except (MemoryError, RuntimeError):  # torch's allocators raise the latter
                return False
            snapshot.data = snapshot.copied.data
        return True

    def give_back(self, snapshot: Snapshot) -> None:
        """Use the memory of a copy again: it is written, or not wanted any more."""
        if snapshot.copied is not None:
            self._copies.give_back(snapshot.copied)

    def let_go(self) -> None:
        """Keep no memory for copies any longer."""
        self._copies.let_go()
