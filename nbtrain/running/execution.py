"""Execution: the two threads of a run, the folder they write to, and how a run begins and ends.

The handle people hold is `nbtrain.running.run.Run`; it starts one Execution and reads from it. What goes on
in it is its Activity: our loop, or one that somebody wrote. Whatever fails beside the training is said in the
run's alerts; whatever fails in it ends the run as failed; and in each case the end comes: `over` is set, so
that nobody waits for ever.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from nbtrain.running import openmp, results
from nbtrain.running.activity import Activity, Desk
from nbtrain.running.control import Control, Stopped
from nbtrain.running.failure import describe_failure
from nbtrain.running.guards.guards import Guards
from nbtrain.running.keeper import Keeper
from nbtrain.running.mishaps import Mishaps
from nbtrain.running.pump import Pump
from nbtrain.running.state import State
from nbtrain.runs.manifest import utc_now
from nbtrain.runs.status import RunStatus
from nbtrain.runs.store import RunFolder
from nbtrain.telemetry import prints

MANIFEST_SECONDS = 20.0  # how far a killed run's manifest may be behind its progress


class Execution:
    """A run under way.

    Args:
        activity: what goes on in it. owner: the run, handed to finishers and watchers.
        finishers: called with the run once its numbers are final; what they raise is an alert.
        in_thread: called first in the training thread, e.g. to route its prints.
        explain: an exception of the person's code -> what is known of it, asked while its frames are there.
    """

    def __init__(
        self, activity: Activity, owner: Any, *, finishers: Sequence[Callable[[Any], Any]],
        in_thread: Callable[[], Any] | None, explain: Callable[[BaseException], Any] | None = None,
    ) -> None:  # fmt: skip
        self.activity, self._owner = activity, owner
        self._finishers, self._in_thread, self._explain = list(finishers), in_thread, explain
        self.watchers: list[Any] = []
        self.events: list[dict[str, Any]] = []
        self.error: str | None = None
        self.error_line = ""
        self.explanation: Any = None
        self.results: dict[str, Any] = {}
        self.status = RunStatus.PLANNED
        self.record, self.control = activity.new_record(), Control()
        self._mishaps = Mishaps(activity, self.record)
        self.over = threading.Event()
        self.folder: RunFolder | None = None
        self.prints = prints.Prints()
        self._guards = Guards(activity.guard, self)
        self._trainer: threading.Thread | None = None
        self._outcome = RunStatus.FAILED, "the training thread ended without a word"
        self._written: tuple[Any, int] = (None, 0)  # status and number of events in the manifest on disk
        self._written_at = 0.0

    @property
    def state(self) -> State:
        """The counters."""
        return self.activity.state

    # --- beginning ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Create the run folder and start both threads; nothing is left on disk when that fails.

        Raises:
            RunFolderError: the folder cannot be written. MissingExtra: a tracker's package is absent.
        """
        with self.activity.reopened() or results.opened_folder(self.activity) as (folder, trackers):
            self.folder = folder
            try:
                self._keeper = Keeper(
                    folder, trackers, self._mishaps.trouble, within_epochs=self.activity.judges_within_epochs
                )
                self.activity.prepare(self._desk())
                self._keeper.write_start(self.state.progress())
                self._keeper.note_events(self.events)
                self.status = RunStatus.RUNNING
                self._write_manifest(started_at=folder.manifest.started_at or utc_now())
                self._launch()
            except BaseException:
                self._guards.end()
                self.folder, self.status = None, RunStatus.PLANNED
                raise

    def _desk(self) -> Desk:
        return Desk(
            self.folder, self.control, self.record, self._mishaps.trouble,
            log=lambda line: self._mishaps.quietly(self.folder.log, line), events=self.events,
            tell=self._guards.tell,
        )  # fmt: skip

    def _launch(self) -> None:
        name = self.folder.path.name
        self._pump = Pump(self._beat, self._end, self._mishaps.stumbled, name=f"nbtrain-pump-{name}")
        if self.activity.foreground:
            return self._pump.start()
        target = contextvars.copy_context().run
        self._trainer = threading.Thread(
            target=target, args=(self._guards.train, self._train), name=f"nbtrain-{name}", daemon=True
        )
        self._guards.begin()
        openmp.let_go()  # this thread waits from here on
        self._trainer.start()
        try:
            self._pump.start()
        except BaseException:  # no thread to be had: end what has begun, else it would train unseen
            self.control.stop("step", reason="nbtrain could not start its second thread")
            self._trainer.join()
            raise
        return None

    # --- the training thread ------------------------------------------------------------------------------

    def _train(self) -> None:
        """The training thread, from its first line to its last."""
        error = None
        try:
            if self._in_thread is not None:
                self._mishaps.quietly(self._in_thread)
            with prints.captured(self.prints):
                self.activity.work()
        except BaseException as raised:  # what it was is said by `trained`
            error = raised
        self.trained(error)

    def trained(self, error: BaseException | None) -> None:
        """Take the end of the training, in the training thread.

        Args:
            error: what ended it: None, a Stopped, or an exception in the person's model, data or loss,
                which is shown to them, never swallowed.
        """
        if error is None:
            self._outcome = RunStatus.COMPLETED, self.state.stop_reason
        elif isinstance(error, Stopped):
            self._outcome = RunStatus(self.control.stop_kind), self.control.stop_reason
        elif isinstance(error, KeyboardInterrupt) and self.activity.foreground:
            self._outcome = RunStatus.STOPPED, "interrupted by hand"
        else:
            failure = describe_failure(error, keep=self.activity.foreground, explain=self._explain)
            self.error, self.error_line, self.explanation = failure.text, failure.line, failure.explanation
            self._outcome = RunStatus.FAILED, failure.line
            self._mishaps.quietly(self.activity.rescue)
        self._mishaps.quietly(self.activity.flush)
        self._mishaps.quietly(self.activity.note_trained)
        self.state.phase, self.state.ended = "done", time.monotonic()
        self._pump.finish()

    # --- the pump -----------------------------------------------------------------------------------------

    def _beat(self) -> None:
        for part in (
            self._take_prints, self._take_numbers, self._obey_the_folder, self.activity.at_beat, self._follow,
            self.show,
        ):  # fmt: skip
            self._mishaps.quietly(part)

    def _take_prints(self, *, last: bool = False) -> None:
        prints.follow()
        self._keeper.write_prints(self.prints.take(last=last))

    def _take_numbers(self, *, last: bool = False) -> None:
        news = self.record.absorb(self.activity.take(last=last), self.state)
        if self.record.diverged and self.activity.ends_diverged and not last:
            self.control.stop("step", reason=self.record.diverged, kind="diverged")
        self._keeper.write(news)
        self.record.note_cost(self.activity.watching_s(), self.state.train_s)

    def _take_alerts(self) -> None:
        self._keeper.write(self.record.absorb())

    def _obey_the_folder(self) -> None:
        if (after := self.folder.take_stop_request()) is not None:
            self.control.stop(after, reason="a STOP file was put into the run folder")

    def _follow(self) -> None:
        """Write the manifest when the run was paused or resumed, or something was changed by hand."""
        self.status = RunStatus.PAUSED if self.state.phase == "paused" else RunStatus.RUNNING
        self._keeper.note_events(self.events)
        due = time.monotonic() - self._written_at > MANIFEST_SECONDS
        if due or self._written != (self.status, len(self.events)):
            self._write_manifest()

    def _end(self) -> None:
        """The last round: final status, manifest, reports, views; then whoever waits is let go."""
        try:
            if self._trainer is not None:
                self._trainer.join()
            self._mishaps.quietly(self._take_prints, last=True)
            self._mishaps.quietly(self._take_numbers, last=True)
            status, self.state.stop_reason = self._outcome
            ended = status in (RunStatus.COMPLETED, RunStatus.DIVERGED)
            if self.record.diverged and self.activity.ends_diverged and ended:
                status, self.state.stop_reason = RunStatus.DIVERGED, self._why_diverged()
            self.status = status
            self._keeper.note_events(self.events)
            self._keeper.finish(status)
            self._mishaps.quietly(self._take_alerts)
            how = self.status, self.state.progress(), self.state.stop_reason, self.error
            self._mishaps.quietly(self._keeper.write_end, *how)
            self._mishaps.quietly(self._write_results)
            for finisher in self._finishers:
                self._mishaps.quietly(finisher, self._owner)
            self._mishaps.quietly(self._take_alerts)
            self.show()
            self._mishaps.quietly(self.folder.close)
            self._mishaps.quietly(self._let_go)
            self.record.absorb()  # what was said since is at least in `run.alerts`
        finally:
            self.over.set()

    def _why_diverged(self) -> str:
        """How it diverged, and where that began when a replay has shown it."""
        origins = [alert.issue for alert in self.record.alerts if alert.rule == "nan-origin"]
        return ". ".join([self.record.diverged, *(one.rstrip(".") for one in origins[-1:])])

    def _write_results(self) -> None:
        sections = results.final_sections(self.activity, self.record)
        self.results = sections["training_results"]
        self._write_manifest(
            completed_at=utc_now(),
            stop_reason=self.state.stop_reason,
            error=self.error,
            explanation=self.explanation.to_dict() if self.explanation is not None else None,
            **self.activity.described(),
            **sections,
        )

    def _let_go(self) -> None:
        """Hold the person's objects no longer."""
        self.control.forget()
        self._in_thread, self._explain, self._finishers = None, None, []
        self.record.signs = []
        self.activity.let_go()

    def show(self) -> None:
        """Give every watcher the run; one that fails is let go."""
        for watcher in list(self.watchers):
            try:
                watcher.update(self._owner)
            except (Exception, SystemExit) as error:  # an interrupt of `wait` comes through
                with suppress(ValueError):  # taken out meanwhile
                    self.watchers.remove(watcher)
                self._mishaps.stumbled(error)

    def _write_manifest(self, **changes: Any) -> None:
        self._written_at = time.monotonic()
        self._written = self.status, len(self.events)  # not tried again at each beat when the disk refuses
        try:
            self.folder.write_manifest(
                status=self.status, events=list(self.events),
                progress=results.progress_section(self.state.progress()), **changes,
            )  # fmt: skip
        except Exception as error:
            self._mishaps.trouble(f"manifest.json could not be written: {error} Training is not affected.")

    def errand(self, task: Callable[[], Any]) -> None:
        """Have the training thread call `task` at its next boundary; what it raises is an alert."""
        self.control.errand(lambda: self._mishaps.quietly(task))
