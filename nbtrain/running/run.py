"""Run: the handle of one training.

Reading is safe from any thread. Controls only leave a wish in the mailbox; the loop obeys at the next step
boundary. Once it is over, a run holds the person's objects no longer, only its numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from nbtrain.errors import NbtrainError, UsageError
from nbtrain.findings import Finding, Severity
from nbtrain.running import active, ledger, terminate, viewing
from nbtrain.running.activity import Activity
from nbtrain.running.edits import LiveEdits
from nbtrain.running.execution import Execution
from nbtrain.running.readings import Readings
from nbtrain.running.snapshot import take_snapshot
from nbtrain.runs.best_weights import load_best_weights
from nbtrain.runs.manifest import utc_now
from nbtrain.runs.status import RunStatus
from nbtrain.telemetry import prints


class Run(Readings, LiveEdits):
    """One training: a live handle and a folder on disk.

    Args:
        activity: what goes on in it: `nbtrain.train.training.Training(plan)`, or a followed loop.
        finishers: called with the run once its numbers are final, before `wait` returns; what they raise is
            an alert.
        report: makes the run's report, for `run.report()`.
        in_thread: called first in the training thread, e.g. to route its prints.
        before_start: called by `start` first of all; what it raises refuses the start.
        explain: an exception of the person's code -> what is known of it.
    """

    def __init__(
        self, activity: Activity, *, finishers: Sequence[Callable[[Run], Any]] = (),
        report: Callable[..., Any] | None = None, in_thread: Callable[[], Any] | None = None,
        before_start: Callable[[], Any] | None = None, explain: Callable[[BaseException], Any] | None = None,
    ) -> None:  # fmt: skip
        self.name = activity.name
        self._cell = viewing.cell_now() if viewing.cell_now is not None else None
        self._report, self._before_start = report, before_start
        self._do = Execution(activity, self, finishers=finishers, in_thread=in_thread, explain=explain)

    def start(self) -> Run:
        """Create the run folder and start training in the background; return self.

        Raises:
            UsageError: it was started before, another living run trains this model, the plan no longer holds,
                or its first batch fails.
            RunFolderError: the folder cannot be written. MissingExtra: a tracker's package is absent.
        """
        if self._do.status is not RunStatus.PLANNED:
            raise UsageError(
                f"Run `{self.id}` was started before (it is {self.status}).",
                suggestion="Make a new one with %train.",
            )
        if self._before_start is not None:
            self._before_start()
        self._do.activity.check()
        with active.registered(self):
            self._do.start()
            ledger.started(self.id, self._cell)
        self._before_start = None
        return self

    def pause(self) -> None:
        """Wait at the next step boundary until `resume`."""
        self._do.control.pause()

    def resume(self) -> None:
        """Go on after `pause`. One that ended before it was done goes on by `%train resume`, which this says.

        Raises:
            UsageError: it was stopped, interrupted, diverged or failed.
        """
        if self.status.over and self.status is not RunStatus.COMPLETED:
            raise UsageError(
                f"Run {self.id} is over ({self.status}): only a paused run is resumed by this.",
                suggestion=f"From its newest checkpoint it goes on by %train resume {self.id}.",
            )
        self._do.control.resume()

    def stop(self, after: str = "step") -> None:
        """End at the next step ("step") or at the epoch's end ("epoch"); everything stays as it is."""
        self._do.control.stop(after)
        self._do.activity.hear()

    def end(self, reason: str) -> None:
        """End at the next step as interrupted, because what the run lives in is going away."""
        self._do.control.stop("step", reason=reason, kind="interrupted")
        self._do.activity.hear()

    def hearing(self) -> AbstractContextManager[Any]:
        """Return what hears this thread's prints for the run's log; for a training in the foreground."""
        return prints.captured(self._do.prints)

    def ended(self, error: BaseException | None) -> None:
        """Take the end of a training in the foreground; called by the block that it is."""
        self._do.trained(error)

    def save(self) -> None:
        """Commit a checkpoint at the next step boundary."""
        self._refuse_when_over("saved")
        self._do.errand(self._do.activity.save)

    def initialise_again(self) -> None:
        """Draw new weights at the next step boundary and have the optimizer forget; noted in the events.

        Each module's own `reset_parameters` draws them. What was learned is lost, but for the checkpoints;
        where a module cannot do it nothing is changed, and an alert says so.
        """
        self._refuse_when_over("changed")

        def task() -> None:
            try:
                drawn = self._do.activity.initialise_again()
            except UsageError as error:
                self._do.record.note_alert(
                    Finding("not-initialised", Severity.WARNING, str(error), step=self._do.state.step)
                )
                return
            self._do.events.append(
                {"at": utc_now(), "kind": "new-weights", "step": self._do.state.step, "weights": drawn}
            )

        self._do.errand(task)

    def snapshot(self, timeout: float = 60.0) -> torch.nn.Module:
        """Return a copy of the model in eval mode, taken at a step boundary while it trains.

        Raises:
            TimeoutError: no boundary came within `timeout` seconds (a paused run is at one).
            UsageError: the run is over and the model is no longer in memory.
        """
        return take_snapshot(self, self._do.errand, timeout)

    def load_best(self, model: Any = None) -> Any:
        """Put the weights of the best checkpoint so far into a model and return it.

        Args:
            model: where to; None takes the model that was trained. Its mode and device stay as they are.

        Raises:
            UsageError: the run is training this model, nobody holds the model any more, or it is another one.
            UserError: no checkpoint was kept yet. CheckpointCorrupted: none verifies.
        """
        target = self.objects.model if model is None else model
        if self.checkpoints is None or target is None:
            what = "has not been started" if self.checkpoints is None else "no longer has its model in memory"
            raise UsageError(f"The run {what}.", suggestion="Pass a model: run.load_best(model)")
        if isinstance(target, torch.nn.Module):
            active.refuse_if_training(target.parameters())
        return load_best_weights(self.checkpoints, target, self.id)

    def _refuse_when_over(self, what: str) -> None:
        if self.status.over:
            raise UsageError(
                f"Run {self.id} is over ({self.status}): nothing more can be {what}.",
                suggestion="%train starts a new one that goes on from these weights.",
            )

    def wait(self, timeout: float | None = None) -> Run:
        """Block until the run is over; return self.

        An interrupt (the square button, Ctrl-C) asks the run to stop at the next step boundary and goes on
        waiting, so that model, optimizer, history and checkpoint are whole; a second interrupt raises.

        Raises:
            TimeoutError: `timeout` seconds passed first; the run goes on.
        """
        if self._do.status is RunStatus.PLANNED:
            raise UsageError(
                "This run has not been started.",
                suggestion="Call run.start(), or click Start under the plan.",
            )
        try:
            finished = self._do.over.wait(timeout)
        except KeyboardInterrupt:
            self._do.control.stop("step", reason="interrupted by hand")
            finished = self._do.over.wait(timeout)
        if not finished:
            done = self.status.over
            doing = f"has {self.status} and still writes its files" if done else f"is still {self.status}"
            raise TimeoutError(f"Run {self.id} {doing} after {timeout} s; it goes on.")
        terminate.put_back()
        self._do.show()  # from this thread too: under nbclient only the running cell's messages are kept
        return self

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait, then return the training results; raise when the run failed.

        Raises:
            NbtrainError: the run failed; carries the traceback as text.
        """
        self.wait(timeout)
        if self._do.status is RunStatus.FAILED:
            raise NbtrainError(f"Run {self.id} failed: {self._do.error_line}\n\n{self.error}")
        return dict(self._do.results)

    def report(self, *, curves: bool = True) -> Any:
        """Return what the run came to so far: numbers, curves unless they stand beside it, what to do."""
        if self._report is None:
            raise UsageError(
                "This run was made without a reporter.", suggestion="Use nbtrain.train(...) or %train."
            )
        return self._report(self, curves=curves)

    def diagnose(self) -> Any:
        """Say what is wrong with it so far, and what to do: `.primary`, `.findings`, rich display."""
        import nbtrain  # the front door: what diagnoses lies above this layer

        return nbtrain.diagnose(self)

    def show(self) -> None:
        """Show the live panel again, in this cell."""
        if viewing.viewer is None:
            raise UsageError(
                "There is no notebook here to show the run in.", suggestion="print(run) says how it stands."
            )
        viewing.viewer(self)

    def __repr__(self) -> str:
        progress = self.progress
        loss = self._do.record.latest.get("train_loss")
        said = f", train_loss {loss:.4g}" if loss is not None else ""
        return f"<Run {self.id or self.name} {self.status}, step {progress.step:,}{said}>"
