"""What a run does: the part of a training that differs between our own loop and a loop somebody wrote.

`nbtrain.running.execution.Execution` owns threads, folder, beginning and end; it is given one Activity, which
is `nbtrain.train.training.Training` or `nbtrain.watch.watching.Watching`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.report.model import Report
from nbtrain.running.control import Control
from nbtrain.running.edits import Edit, lr_edit
from nbtrain.running.record import Arrived, Record
from nbtrain.running.state import State
from nbtrain.runs.store import RunFolder


@dataclass(frozen=True)
class Desk:
    """What a run lays out for its activity.

    Attributes:
        folder: the run folder. control: the mailbox, to be served at step boundaries.
        record: takes evaluations, epochs and alerts from the training thread.
        trouble: told in words what could not be done beside the training; it becomes an alert, once.
        log: appends a line to training.log; what fails there is an alert.
        events: every change made while it runs, for the manifest; those of a resumed run come first.
        tell: tells what a cell did: an event and an alert (see `nbtrain.running.guards.guards.Guards.tell`).
    """

    folder: RunFolder
    control: Control
    record: Record
    trouble: Callable[[str], None]
    log: Callable[[str], None]
    events: list[dict[str, Any]]
    tell: Callable[..., None]


class Activity(ABC):
    """What goes on in a run.

    Attributes:
        name: the run's name. dir: folder of the run folders. backends: logging backends.
        config: plain values for config.yaml. config_text: what it holds instead, or "".
        cells: those of the notebook that made the objects, as text, or "".
        plan: what was shown before the start, or None.
        objects: what is worked on, as views and errands read it (`model`, `optimizer`, `scheduler`,
            `train_loader`, `val_loader`, each may be None; `names`, `output_shapes`, `parameters`).
            Replaced by `let_go`.
        state: the counters.
        ends_diverged: a loss that is lost ends the run, as diverged.
        price_per_hour, currency: what the machine costs, None where nobody said.
        judges_within_epochs: its validations are records of their own, at steps within epochs too.
        guard: what cells do meanwhile: "on" keeps it from the run, "detect" says it, "off" does not look.
        as_plain_code: it leaves the random generators as the same code in a cell would.
        foreground: it goes on in the thread that starts the run, which then calls `Execution.trained` itself.
    """

    name: str
    dir: Path
    backends: tuple[str, ...]
    config: dict[str, Any]
    config_text: str = ""
    cells: str = ""
    plan: Any = None
    objects: Any
    state: State
    ends_diverged = True
    price_per_hour: float | None = None
    currency = "USD"
    judges_within_epochs: bool = False
    guard = "on"
    as_plain_code = False
    foreground = False

    def check(self) -> None:  # noqa: B027 - most have nothing to refuse
        """Refuse a start that would surely fail, before anything is on disk: raise a UserError."""

    @property
    @abstractmethod
    def on_gpu(self) -> bool:
        """True when it trains on a CUDA device."""

    @abstractmethod
    def new_record(self) -> Record:
        """Return the empty record of a run like this."""

    @abstractmethod
    def described(self) -> dict[str, Any]:
        """Return the sections of the manifest that are known before the start."""

    @abstractmethod
    def report(self) -> Report:
        """Return what it will do, for plan.md in the run folder."""

    def reopened(self) -> AbstractContextManager[tuple[RunFolder, list[Any]]] | None:
        """Return what opens the folder of a run that goes on, and its trackers; None for a new run."""
        return None

    @abstractmethod
    def prepare(self, desk: Desk) -> None:
        """Make ready, in the thread that starts the run; what it raises refuses the start."""

    @abstractmethod
    def work(self) -> None:
        """Train, in the training thread, to the end.

        Raises:
            Stopped: it was asked to end. BaseException: the person's own.
        """

    @abstractmethod
    def rescue(self) -> None:
        """Save what was learned until an exception ended the training; called in the training thread."""

    @abstractmethod
    def flush(self) -> None:
        """Send the last numbers on their way; called in the training thread, however the training ended."""

    @abstractmethod
    def note_trained(self) -> None:
        """Remember that the models were trained, so that a later run can say so."""

    @abstractmethod
    def take(self, *, last: bool = False) -> Arrived:
        """Return the numbers that have reached the host. Called by the pump; `last` waits for all of them."""

    def at_beat(self) -> None:  # noqa: B027 - not every activity has something to look at
        """Look at clocks and hardware. Called by the pump, at most four times a second."""

    def unhook(self, why: str) -> None:  # noqa: B027 - not every activity listens to torch
        """Take off what it has laid on torch, from any thread; `why` is said to the person."""

    def hear(self) -> None:  # noqa: B027
        """Listen again, where `unhook` has ended that: a stop is wished for."""

    @abstractmethod
    def save(self) -> None:
        """Commit a checkpoint; called in the training thread at a step boundary."""

    @abstractmethod
    def set_lr(self, lr: float) -> float:
        """Set the learning rate and return the one before; called in the training thread at a boundary."""

    def initialise_again(self) -> int:
        """Draw new weights at a step boundary, in the training thread; return how many.

        Raises:
            UsageError: it cannot be done here; says why. Nothing was changed.
        """
        raise UsageError(
            "The weights of this run can only be drawn again where they were made.",
            suggestion="Stop it, make the model again and start anew.",
        )

    def watching_s(self) -> float | None:
        """Return the seconds that the training thread has spent on being watched; None where not known."""
        return None

    def settings(self) -> dict[str, Any]:
        """Return what can be changed while it goes on, as it stands: lr, epochs, max_steps, patience."""
        lr = self._lr()
        return {} if lr is None or getattr(lr, "is_cuda", False) else {"lr": float(lr)}

    def edits(self, wishes: Mapping[str, Any]) -> list[Edit]:
        """Return the changes asked for, name -> value, checked; they are applied at a boundary.

        Raises:
            UsageError: a name that cannot be changed here, or a value that makes no sense.
        """
        for name in wishes:
            if name != "lr" or self._lr() is None:
                raise UsageError(
                    f"`{name}` cannot be changed in a loop of your own: it is run as it is written.",
                    suggestion="The learning rate can (lr=1e-4), and run.stop() ends the loop.",
                )
        return [lr_edit(wish, lambda: float(self._lr()), self.set_lr) for wish in wishes.values()]

    def _lr(self) -> Any:
        groups = getattr(getattr(self.objects, "optimizer", None), "param_groups", None)
        return groups[0]["lr"] if groups else None

    @abstractmethod
    def let_go(self) -> None:
        """Hold the person's objects no longer; `objects` then says what still lives."""
