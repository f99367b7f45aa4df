"""Search: the handle of a search. It runs in the background; reading is safe from any thread."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrain.errors import UsageError
from nbtrain.report.model import Report
from nbtrain.running import active, terminate, viewing
from nbtrain.running.failure import describe_failure
from nbtrain.runs.files import discard_folder, replace_file
from nbtrain.runs.lock import OwnerLock
from nbtrain.runs.status import RunStatus
from nbtrain.search import pool
from nbtrain.search.board import Standing, search_figure, search_report, trial_line
from nbtrain.search.importance import importance_of
from nbtrain.search.options import SearchOptions
from nbtrain.search.outcome import leave, read_search, search_text
from nbtrain.search.space import Space
from nbtrain.search.study import FILE, Study, Trial, refuse_other
from nbtrain.search.subject import Subject
from nbtrain.search.trial import RUNS, Outcome, Wishes
from nbtrain.search.working import work

if TYPE_CHECKING:
    import pandas as pd

LOOK_S = 1.0  # between looks of the views, at least; a board also waits twenty times what drawing it took


class Search:
    """A search: a live handle and a folder on disk.

    Args:
        subject: makes trainings of values. space, options: what is searched, how. folder: where it is kept.
        warnings: sentences about the space, shown with it. in_thread: as of a Run.
        resume: go on with the search in the folder. given: what the line said beside, to be known again.
    """

    def __init__(
        self, subject: Subject, space: Space, options: SearchOptions, folder: Path, *,
        warnings: Sequence[str] = (), resume: bool = False, given: Mapping[str, Any] | None = None,
        in_thread: Callable[[], Any] | None = None,
    ) -> None:  # fmt: skip
        self.space, self.options, self.dir = space, options, Path(folder).expanduser()
        self.warnings, self._given = tuple(warnings), dict(given or {})
        self.watchers: list[Any] = []
        self.status, self.stop_reason, self.error = RunStatus.PLANNED, "", None
        self._subject, self._in_thread, self._resume = subject, in_thread, resume
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
        return {"search_space": self.space.plain(), **self.options.plain(), "subject": self._subject.of, **more}

    def start(self) -> Search:
        """Make the folder and search in the background; return self.

        Raises:
            UsageError: it was started before. RunFolderError: the folder cannot be written, or another
            process searches there. MissingExtra: Optuna is not installed.
        """
        if self.status is not RunStatus.PLANNED:
            raise UsageError(f"This search was started before (it is {self.status}).", suggestion="Make a new one.")
        made = not self.dir.exists()
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
            raise
        self._lock, self.status, self._began = lock, RunStatus.RUNNING, time.monotonic()
        self._wishes.look = self._look
        target = contextvars.copy_context().run
        # A script waits for it at its end; a kernel that is shut down does not.
        in_notebook = viewing.viewer is not None
        thread = threading.Thread(target=target, args=(self._work,), name="nbtrain-search", daemon=in_notebook)
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
            with suppress(OSError):  # a full disk: what was found is in the trials' file
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
            raise TimeoutError(f"The search in {self.dir} is still {self.status} after {timeout} s; it goes on.")
        terminate.put_back()
        for watcher in list(self.watchers):
            watcher.update(self)  # from this thread too: batch executors keep only the running cell's messages
        return self

    def apply(self) -> str:
        """Set the best values on the notebook's own objects; return what was done.

        Raises:
            UsageError: there is no best trial, or the objects were made by a factory or a configuration.
        """
        from nbtrain.search.settings import apply
        from nbtrain.search.subject import TRAINING, OfObjects

        best = self.best_trial
        if best is None or not isinstance(self._subject, OfObjects):
            why = "No trial has come to its end" if best is None else "The objects of the trials were made anew"
            raise UsageError(f"{why}: there is nothing to set.", suggestion="search.best holds the best values.")
        setup = self._subject.setup
        active.refuse_if_training(setup.model.value.parameters())
        own = {name: value for name, value in best.values.items() if name not in (*TRAINING, "batch_size")}
        optimizer = setup.optimizer.value if setup.optimizer else None
        apply(own, setup.model.value, optimizer, setup.scheduler.value if setup.scheduler else None)
        said = ", ".join(f"{name}={value}" for name, value in own.items())
        left = {name: value for name, value in best.values.items() if name not in own}
        more = f" Left to say: {', '.join(f'{name}={value}' for name, value in left.items())}." if left else ""
        return f"Set {said}, the values of trial {best.number}. The weights are as they were.{more}"

    # --- what people read ---------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """True once everything is written and shown."""
        return self._over.is_set()

    @property
    def run(self) -> Any:
        """The run of the trial under way, or None."""
        return self._wishes.run

    @property
    def all_trials(self) -> list[Trial]:
        """Every trial as it stands, oldest first; at most a second behind."""
        return list(self._kept[0])

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial: state, value, the parameters, seconds, best epoch, reason, run."""
        import pandas as pd

        rows = [
            {"trial": one.number, "state": one.state, "value": one.value, **one.values,
             "best_epoch": one.best_epoch, "seconds": one.seconds, "reason": one.reason, "run": one.run}
            for one in self._kept[0]
        ]  # fmt: skip
        columns = ["trial", "state", "value", *self.space.names, "best_epoch", "seconds", "reason", "run"]
        return pd.DataFrame(rows, columns=columns).set_index("trial")

    @property
    def best_trial(self) -> Trial | None:
        """The best trial that came to its end, or None."""
        return self._standing().best

    @property
    def best(self) -> dict[str, Any]:
        """The best values; {} before a trial came to its end."""
        return dict(self.best_trial.values) if self.best_trial else {}

    @property
    def best_value(self) -> float | None:
        """What the metric came to with them."""
        return self.best_trial.value if self.best_trial else None

    def load_best(self, model: Any) -> Any:
        """Put the weights of the best trial into a model and return it.

        Raises:
            UsageError: there is no best trial, or the model is another one.
        """
        from nbtrain.runs.stored import StoredRun

        best = self.best_trial
        if best is None:
            raise UsageError("No trial has come to its end.", suggestion="search.wait() waits for it.")
        return StoredRun.load(self.dir / RUNS, best.run).load_best(model)

    def _standing(self) -> Standing:
        trials, importance, wanted = self._kept
        run = self._wishes.run
        now: Mapping[str, Any] = {}
        if run is not None:
            progress = run.progress
            now = {"run": run.id, "epoch": progress.epoch, "of": progress.total_epochs, **run.latest}
        best_yaml = self.dir / "best.yaml"
        text = best_yaml.read_text(encoding="utf-8") if self.is_over and best_yaml.exists() else ""
        return Standing(
            self.space, self.options, tuple(trials), importance, wanted, str(self.dir), str(self.status),
            self.stop_reason, self.warnings, now, text,
        )  # fmt: skip

    def report(self, *, figures: bool = True) -> Report:
        """Return how it stands: the best, curves, parallel coordinates, importance, all trials."""
        return search_report(self._standing(), figures=figures)

    def figure(self) -> Any:
        """Return its pictures as a figure of a report."""
        return search_figure(self._standing())

    def lines(self, after: int = 0) -> list[str]:
        """Return a line for each trial that is over, those after the first `after`."""
        over = [one for one in self._kept[0] if one.state not in ("running",)]
        return [trial_line(one, self.options.metric) for one in over[after:]]

    def to_dict(self) -> dict[str, Any]:
        """Return how it stands as JSON-ready values."""
        return self.report(figures=False).to_dict()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.report()._repr_mimebundle_()

    def __repr__(self) -> str:
        best = f", best {self.options.metric} {self.best_value:.4g}" if self.best_trial else ""
        done = sum(one.state != "running" and one.counts for one in self._kept[0])
        return f"<Search {self.dir} {self.status}, {done} of {self._kept[2]} trials{best}>"


