"""Execution: the two threads of a run, the folder they write to, and how a run begins and ends.

The handle people hold is `nbtrain.train.run.Run`; it starts one Execution and reads from it.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from nbtrain.runs.manifest import utc_now
from nbtrain.runs.status import RunStatus
from nbtrain.runs.store import RunFolder
from nbtrain.telemetry.recorder import Recorder
from nbtrain.train import ledger, results
from nbtrain.train.callbacks.checkpoint import Checkpoints
from nbtrain.train.callbacks.early_stop import EarlyStop
from nbtrain.train.callbacks.report_back import ReportBack
from nbtrain.train.control import Control, Stopped
from nbtrain.train.events import Callbacks
from nbtrain.train.failure import describe_failure
from nbtrain.train.keeper import Keeper, trouble
from nbtrain.train.loop import fit
from nbtrain.train.place import move_to
from nbtrain.train.plan import Plan
from nbtrain.train.pump import Pump
from nbtrain.train.record import Record
from nbtrain.train.seeds import deterministic, seed_everything
from nbtrain.train.state import State
from nbtrain.train.step import Stepper


class Execution:
    """A run under way.

    Args:
        plan: what will be done. owner: the run, handed to finishers and watchers.
        finishers: called with the run once its numbers are final; what they raise is an alert.
        in_thread: called first in the training thread, e.g. to route its prints.
    """

    def __init__(
        self,
        plan: Plan,
        owner: Any,
        *,
        finishers: Sequence[Callable[[Any], Any]],
        in_thread: Callable[[], Any] | None,
    ) -> None:
        self.plan, self.work, self._owner = plan, plan.work, owner
        self.watchers: list[Any] = []
        self.error: str | None = None
        self.error_line = ""
        self.events: list[dict[str, Any]] = []
        self.status = RunStatus.PLANNED
        self.state = State(plan.total_steps, plan.total_epochs)
        self.record, self.control = Record(), Control()
        self.over = threading.Event()
        self.folder: RunFolder | None = None
        self._recorder = Recorder()
        self._finishers, self._in_thread = list(finishers), in_thread
        self._outcome: tuple[RunStatus, str] = (RunStatus.COMPLETED, "")

    def start(self) -> None:
        """Create the run folder and start both threads.

        Raises:
            RunFolderError: the folder cannot be written. MissingExtra: a tracker's package is absent.
        """
        work, options = self.work, self.work.options
        self.folder, trackers = results.open_folder(self.plan)
        self._keeper = Keeper(self.folder, trackers, self._trouble)
        move_to(work.device, work.model, work.optimizer, work.criterion)
        self.stepper = Stepper(
            work.model,
            work.optimizer,
            task=work.task,
            precision=work.precision,
            device=work.device,
            clip=options.clip,
            hits=work.hits,
        )
        self.checkpoints = Checkpoints(
            self.folder.checkpoints, every=options.checkpoint_every, keep=options.keep, scaler=self.stepper.scaler,
            on_trouble=self._trouble, on_saved=lambda info: self.folder.log(f"checkpoint of step {info.step}"),
        )  # fmt: skip
        self.state = State(self.plan.total_steps, self.plan.total_epochs)
        self.status = RunStatus.RUNNING
        self._write_manifest(started_at=utc_now())
        name = self.folder.path.name
        self._pump = Pump(self._beat, self._stumbled, name=f"nbtrain-pump-{name}")
        target = contextvars.copy_context().run
        threading.Thread(target=target, args=(self._train,), name=f"nbtrain-{name}", daemon=True).start()
        self._pump.start()

    def _train(self) -> None:
        """The training thread, from its first line to its last."""
        work, options = self.work, self.work.options
        outcome = RunStatus.COMPLETED, ""
        callbacks: list[Any] = [ReportBack(self.record)]
        if options.patience:
            callbacks.append(EarlyStop(self.control, options.patience))
        callbacks.append(self.checkpoints)
        try:
            if self._in_thread is not None:
                self._in_thread()
            if options.seed is not None:
                seed_everything(options.seed)
            with torch.enable_grad(), deterministic(options.deterministic):
                fit(
                    work,
                    self.state,
                    self.control,
                    recorder=self._recorder,
                    callbacks=Callbacks(callbacks),
                    stepper=self.stepper,
                )
            outcome = RunStatus.COMPLETED, self.state.stop_reason
        except Stopped:
            outcome = RunStatus(self.control.stop_kind), self.control.stop_reason
        except BaseException as error:  # the person's model, data or loss; shown to them, never swallowed
            failure = describe_failure(error)
            self.error, self.error_line = failure.text, failure.line
            outcome = RunStatus.FAILED, failure.line
        finally:
            self._outcome = outcome
            self._wind_up()

    def _wind_up(self) -> None:
        """Leave the training thread: whatever fails here, the pump gets its last round."""
        try:
            self._recorder.flush()
            ledger.note(
                self.work.model, self.folder.path.name, epochs=self.state.epoch, steps=self.state.step
            )
        except Exception as error:
            self._stumbled(error)
        finally:
            self.state.phase, self.state.ended = "done", time.monotonic()
            self._pump.finish()

    def _beat(self, *, last: bool) -> None:
        try:
            self._take_in(last=last)
        finally:
            if last:  # whatever failed above: who waits for the end must not wait for ever
                self._finish()
        if last:
            return
        if (after := self.folder.take_stop_request()) is not None:
            self.control.stop(after, reason="a STOP file was put into the run folder")
        self._follow_pause()
        self.show()

    def _take_in(self, *, last: bool) -> None:
        news = self.record.absorb(self._recorder.drain(wait=last), self.stepper.sampler.take())
        if self.record.watch.diverged_at is not None and not last and self.control.stop_kind != "diverged":
            at = self.record.watch.diverged_at
            self.control.stop(
                "step", reason=f"the loss became NaN or infinite at step {at:,}", kind="diverged"
            )
        self._keeper.write(news, self.record)

    def _follow_pause(self) -> None:
        status = RunStatus.PAUSED if self.state.phase == "paused" else RunStatus.RUNNING
        if status is not self.status:
            self.status = status
            self._write_manifest()

    def _finish(self) -> None:
        """The last round: final status, manifest, reports, views; then whoever waits is let go."""
        status, reason = self._outcome
        if self.record.watch.diverged_at is not None and status is RunStatus.COMPLETED:
            status, reason = (
                RunStatus.DIVERGED,
                f"the loss became NaN or infinite at step {self.record.watch.diverged_at:,}",
            )
        self.state.stop_reason = reason
        try:
            self.status = status
            self._keeper.finish(status)
            self._write_manifest(
                completed_at=utc_now(), stop_reason=reason, error=self.error, **results.final_sections(self)
            )
            for finisher in self._finishers:
                try:
                    finisher(self._owner)
                except Exception as error:
                    self._stumbled(error)
            self.show()
            self.folder.close()
        finally:
            self.over.set()

    def show(self) -> None:
        """Give every watcher the run; one that fails is let go."""
        for watcher in list(self.watchers):
            try:
                watcher.update(self._owner)
            except Exception as error:
                self.watchers.remove(watcher)
                self._stumbled(error)

    def _write_manifest(self, **changes: Any) -> None:
        try:
            self.folder.write_manifest(
                status=self.status,
                events=self.events,
                progress=results.progress_section(self.state.progress()),
                **changes,
            )
        except Exception as error:
            self._stumbled(error)

    def _trouble(self, text: str) -> None:
        self.record.note_alert(trouble(text, self.state.step))

    def _stumbled(self, error: BaseException) -> None:
        self._trouble(f"nbtrain itself stumbled beside the training ({type(error).__name__}: {error})")
