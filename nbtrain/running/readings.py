"""Readings: everything that can be read of a run, from any thread, while it trains and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrain.findings import Finding
from nbtrain.report.explanation import Explanation
from nbtrain.running.activity import Activity
from nbtrain.running.execution import Execution
from nbtrain.running.record import Numbers, broken_validations
from nbtrain.runs.status import Progress, RunStatus

if TYPE_CHECKING:
    import pandas as pd


class Readings:
    """What a run says of itself."""

    name: str
    _do: Execution

    @property
    def id(self) -> str:
        """The run's id, the name of its folder; empty before the start."""
        return self._do.folder.path.name if self._do.folder else ""

    @property
    def folder(self) -> Any:
        """The run folder as an object, None before the start."""
        return self._do.folder

    @property
    def activity(self) -> Activity:
        """What goes on in it."""
        return self._do.activity

    @property
    def plan(self) -> Any:
        """What was shown before the start; None for a followed loop."""
        return self._do.activity.plan

    @property
    def objects(self) -> Any:
        """What is trained, with what: the objects while it lives, afterwards those that still do."""
        return self._do.activity.objects

    @property
    def watchers(self) -> list[Any]:
        """Views; the pump calls `update(run)` on each at most four times a second."""
        return self._do.watchers

    @property
    def error(self) -> str | None:
        """The traceback of a failed run as text, frames of the person's own code only."""
        return self._do.error

    @property
    def explanation(self) -> Explanation | None:
        """What is known of the exception that a failed run ended with; None where nothing is."""
        return self._do.explanation

    @property
    def failed_at(self) -> float | None:
        """When a failed run ended, as time.monotonic() says it; None for any other."""
        return self._do.state.ended if self._do.status is RunStatus.FAILED else None

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every change made while it ran."""
        return list(self._do.events)

    @property
    def status(self) -> RunStatus:
        """planned, running, paused, completed, stopped, diverged, failed."""
        if self._do.status is RunStatus.RUNNING and self._do.state.phase == "paused":
            return RunStatus.PAUSED
        return self._do.status

    @property
    def pausing(self) -> bool:
        """True while it is paused, or will be at its next step boundary."""
        return self._do.control.paused and self.status.alive

    @property
    def is_over(self) -> bool:
        """True once everything of a run that has ended is written and shown; takes no lock."""
        return self._do.over.is_set()

    @property
    def stop_reason(self) -> str:
        """Why the run ended, in a sentence; empty when it simply came to its end."""
        return self._do.state.stop_reason

    @property
    def dir(self) -> Any:
        """The run folder, None before the start."""
        return self._do.folder.path if self._do.folder else None

    @property
    def step(self) -> int:
        """Steps done so far."""
        return self._do.state.step

    @property
    def progress(self) -> Progress:
        """Where the run stands now."""
        return self._do.state.progress()

    @property
    def history(self) -> pd.DataFrame:
        """One row a step: train_loss, lr, grad_norm, samples_per_s. A copy; at most 0.5 s behind."""
        return self._do.record.history_frame()

    @property
    def epochs(self) -> pd.DataFrame:
        """One row an epoch, the columns of metrics.json."""
        return self._do.record.epochs_frame()

    @property
    def evaluations(self) -> pd.DataFrame:
        """One row a validation, by step: those within epochs (`val_every`) and those at their ends."""
        return self._do.record.evaluations_frame()

    @property
    def broken_validations(self) -> frozenset[int]:
        """Steps of validations whose loss was measured and is not finite."""
        return broken_validations(self._do.record.evaluations)

    def numbers(self) -> Numbers:
        """Return tables, alerts and newest values as they stood at one moment, for what needs several."""
        return self._do.record.numbers()

    @property
    def alerts(self) -> list[Finding]:
        """What was noticed while training, oldest first."""
        return list(self._do.record.alerts)

    @property
    def latest(self) -> dict[str, float]:
        """The newest value of everything measured."""
        return dict(self._do.record.latest)

    @property
    def curves(self) -> Any:
        """The step curves as the panel draws them."""
        return self._do.record.curves

    @property
    def eval_curves(self) -> Any:
        """The curves of evaluations and epochs."""
        return self._do.record.eval_curves

    @property
    def printing(self) -> str:
        """What the training is printing just now and is no whole line yet, such as a progress bar; or ""."""
        return self._do.prints.unfinished

    @property
    def optimizers(self) -> list[str]:
        """The names of a followed loop's optimizers, in the order in which they first stepped."""
        return list(self._do.record.optimizers)

    @property
    def layers(self) -> dict[str, tuple[float, float]]:
        """Parameter path -> (gradient norm, update ratio), sampled about once a second."""
        return dict(self._do.record.layers)

    @property
    def layer_history(self) -> Any:
        """The samples of the layers since the start, in constant space."""
        return self._do.record.layer_history

    @property
    def overhead(self) -> float | None:
        """Share of the training time that watching takes; None until measured (`running.overhead`)."""
        return self._do.record.overhead

    @property
    def manifest(self) -> Any:
        """The run described, as on disk."""
        return self._do.folder.manifest if self._do.folder else None

    @property
    def checkpoints(self) -> Any:
        """The checkpoints of this run."""
        return self._do.folder.checkpoints if self._do.folder else None
