"""Search: the handle of a search. It runs in the background; reading is safe from any thread."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.running import active, terminate, viewing
from nbtrain.running.failure import describe_failure
from nbtrain.runs.files import discard_folder, replace_file
from nbtrain.runs.lock import OwnerLock
from nbtrain.runs.status import RunStatus
from nbtrain.search import pool
from nbtrain.search.importance import importance_of
from nbtrain.search.options import SearchOptions
from nbtrain.search.outcome import leave, read_search, search_text
from nbtrain.search.readings import SearchReadings
from nbtrain.search.space import Space
from nbtrain.search.study import FILE, Study, Trial, refuse_other
from nbtrain.search.subject import Subject
from nbtrain.search.trial import Outcome, Wishes
from nbtrain.search.working import work

LOOK_S = 1.0  # between looks of the views, at least; a board also waits twenty times what drawing it took


@dataclass(frozen=True)
class Place:
    """Where a search is kept.

    Attributes:
        folder: its own. resume: go on with the search there. given: what a line said of the trials, to be
            known when the search goes on.
    """

    folder: Path
    resume: bool = False
    given: Mapping[str, Any] = field(default_factory=dict, hash=False)


class Search(SearchReadings):
    """A search: a live handle and a folder on disk.

    Args:
        subject: makes trainings of values. space, options: what is searched, how. place: where it is kept.
        warnings: sentences about the space, shown with it. in_thread: as of a Run.
    """

    def __init__(
        self, subject: Subject, space: Space, options: SearchOptions, place: Place, *,
        warnings: Sequence[str] = (), in_thread: Callable[[], Any] | None = None,
    ) -> None:  # fmt: skip
        self.space, self.options, self.dir = space, options, Path(place.folder).expanduser()
        self.warnings, self._given = tuple(warnings), dict(place.given)
        self.watchers: list[Any] = []
        self.status, self.stop_reason, self.error = RunStatus.PLANNED, "", None
        self._subject, self._in_thread, self._resume = subject, in_thread, place.resume
        self._wishes = Wishes()
        self._study: Study | None = None
        self._kept: tuple[list[Trial], dict[str, float], int] = ([], {}, options.trials)
        self._over = threading.Event()
        self._looked, self._changed = 0.0, threading.Lock()
        self._refuse_strangers()

    # --- beginning ----------------------------------------------------------------------------------------

    def _refuse_strangers(self) -> None:
        """Refuse a folder that holds another search, or one that was not asked to go on."""
        there = (self.dir / FILE).exists()
        if not there and self._resume:
            raise UsageError(
                f"There is no search in {self.dir} to go on with.", suggestion="Leave --resume out."
            )
        if there and not self._resume:
            raise UsageError(
                f"{self.dir} holds a search already.",
                suggestion="Add --resume to go on with it, or give another folder with --output.",
            )
        if there:
            refuse_other(read_search(self.dir), self._said(), self.dir)

    def _said(self) -> dict[str, Any]:
        more = {"given": self._given} if self._given else {}
        return {
            "search_space": self.space.plain(),
            **self.options.plain(),
            "subject": self._subject.of,
            **more,
        }

    def start(self) -> Search:
        """Make the folder and search in the background; return self.

        Raises:
            UsageError: it was started before. RunFolderError: the folder cannot be written, or another
            process searches there. MissingExtra: Optuna is not installed.
        """
        if self.status is not RunStatus.PLANNED:
            raise UsageError(
                f"This search was started before (it is {self.status}).", suggestion="Make a new one."
            )
        made, begun = not self.dir.exists(), (self.dir / FILE).exists()
        self.dir.mkdir(parents=True, exist_ok=True)
        lock = OwnerLock.acquire(self.dir)
        try:
            self._study = Study(self.dir, self.space, self.options)
            self._study.prepare()
            if self.options.jobs > 1:
                pool.pack(self.dir, self._study, self._subject)
            replace_file(self.dir / "search.yaml", search_text(self._said()).encode())
        except BaseException:
            if self._study is not None:
                self._study.close()
            lock.release()
            if made:
                discard_folder(self.dir)
            elif not begun:
                (self.dir / FILE).unlink(missing_ok=True)  # nothing is in it, and it would forbid a new start
            raise
        self._lock, self.status, self._began = lock, RunStatus.RUNNING, time.monotonic()
        self._wishes.look = self._look
        target = contextvars.copy_context().run
        # A script waits for it at its end; a kernel that is shut down does not.
        in_notebook = viewing.viewer is not None
        thread = threading.Thread(
            target=target, args=(self._work,), name="nbtrain-search", daemon=in_notebook
        )
        terminate.watch(active.alive)
        thread.start()
        return self

    # --- the searching thread -----------------------------------------------------------------------------

    def _work(self) -> None:
        status = RunStatus.FAILED
        try:
            if self.options.jobs > 1:
                pool.supervise(self._study, self._wishes)
            else:
                work(self._study, self._subject, self._wishes, told=self._told, in_thread=self._in_thread)
            status = RunStatus.STOPPED if self._wishes.stopping else RunStatus.COMPLETED
        except BaseException as error:
            failure = describe_failure(error)
            self.error, self._wishes.reason = failure.text, failure.line
        finally:
            self._end(status)

    def _told(self, number: int, outcome: Outcome) -> None:
        self._look(now=True)

    def _end(self, status: RunStatus) -> None:
        try:
            self._take_stock()
            if not any(one.state == "completed" for one in self._kept[0]) and status is RunStatus.COMPLETED:
                status = RunStatus.FAILED
                self._wishes.reason = "no trial came to its end"
            self.status, self.stop_reason = status, self._wishes.reason
            with suppress(Exception):  # a full disk, a picture that fails: the trials' file has it all
                leave(self.dir, self._standing(), self._subject)
            self._look(now=True)
        finally:
            self._study.close()
            self._lock.release()
            self._over.set()

    def _take_stock(self) -> None:
        trials = self._study.trials()
        self._kept = trials, importance_of(trials, self.space), self._study.wanted

    def _look(self, *, now: bool = False) -> None:
        """Have the views look, not too often."""
        if not now and time.monotonic() - self._looked < LOOK_S:
            return
        with self._changed:
            if not self.status.over:
                self._take_stock()
            for watcher in list(self.watchers):
                try:
                    watcher.update(self)
                except Exception:  # a view that fails is let go; the search goes on
                    self.watchers.remove(watcher)
            self._looked = time.monotonic()

    # --- what people do -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """End it; the trial under way stops at its next step and is taken up again by `resume`."""
        self._wishes.stop()

    def skip(self) -> bool:
        """End the trial under way as pruned, and go on with the next; say whether there was one."""
        return self._wishes.skip()

    def wait(self, timeout: float | None = None) -> Search:
        """Block until it is over; return self. An interrupt stops it and goes on waiting; a second raises.

        Raises:
            TimeoutError: `timeout` seconds passed first; it goes on.
        """
        if self.status is RunStatus.PLANNED:
            raise UsageError("This search has not been started.", suggestion="Call search.start().")
        try:
            finished = self._over.wait(timeout)
        except KeyboardInterrupt:
            self.stop()
            finished = self._over.wait(timeout)
        if not finished:
            raise TimeoutError(
                f"The search in {self.dir} is still {self.status} after {timeout} s; it goes on."
            )
        terminate.put_back()
        for watcher in list(self.watchers):
            watcher.update(
                self
            )  # from this thread too: batch executors keep only the running cell's messages
        return self

    def apply(self) -> str:
        """Set the best values on the notebook's own objects; return what was done.

        Raises:
            UsageError: there is no best trial, or the objects were made by a factory or a configuration.
        """
        from nbtrain.search.settings import apply
        from nbtrain.search.subject import TRAINING, OfObjects
        from nbtrain.train.options import ALIASES

        best = self.best_trial
        if best is None or not isinstance(self._subject, OfObjects):
            why = (
                "No trial has come to its end" if best is None else "The objects of the trials were made anew"
            )
            raise UsageError(
                f"{why}: there is nothing to set.", suggestion="search.best holds the best values."
            )
        setup = self._subject.setup
        active.refuse_if_training(setup.model.value.parameters())
        elsewhere = (*TRAINING, "batch_size")
        own = {
            name: value for name, value in best.values.items() if ALIASES.get(name, name) not in elsewhere
        }
        optimizer = setup.optimizer.value if setup.optimizer else None
        apply(own, setup.model.value, optimizer, setup.scheduler.value if setup.scheduler else None)
        said = ", ".join(f"{name}={value}" for name, value in own.items())
        left = {name: value for name, value in best.values.items() if name not in own}
        more = (
            f" Left to say: {', '.join(f'{name}={value}' for name, value in left.items())}." if left else ""
        )
        return f"Set {said}, the values of trial {best.number}. The weights are as they were.{more}"
