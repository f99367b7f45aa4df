"""Where a run stands. The loop writes, everybody else reads; plain attributes cost a step nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from nbtrain.runs.status import Progress, RunStatus

__all__ = ["Progress", "RunStatus", "State"]


PACED = 10  # steps after which the first ones are left out of the pace; fewer say little


@dataclass
class State:
    """The loop's counters.

    Attributes:
        total_steps, total_epochs: expected lengths, None where unknown. Epochs are a limit, steps are not:
            a loader may give more than its length says.
        max_steps: the limit the person set, or None.
        phase: starting, training, validating, saving, paused, done.
        judged_step, judged: the step of the last evaluation and what it measured.
        paused_s, train_s: seconds spent paused, and in steps, the wait for their batches included.
        wait_s: seconds of `train_s` spent waiting for batches; first_wait_s: for each epoch's first alone.
        in_epoch: an epoch is begun and not over. row: what its steps came to, once they are done.
        tokens: of texts, that the model has read in training; 0 where the data are no texts.
        paced_from: (steps, active seconds) when progress was first read after a step; None before.
        epoch_from: samples, training and waiting seconds and tokens when it began. epoch_began: (now, paused
        seconds).
    """

    total_steps: int | None = None
    total_epochs: int | None = None
    max_steps: int | None = None
    step: int = 0
    epoch: int = 0
    batch: int = 0
    samples: int = 0
    tokens: int = 0
    phase: str = "starting"
    best_val_loss: float = float("inf")
    best_val_step: int = 0
    best_val_epoch: int = 0
    judged_step: int = -1
    judged: dict[str, float] | None = None
    stop_reason: str = ""
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    paused_s: float = 0.0
    train_s: float = 0.0
    wait_s: float = 0.0
    first_wait_s: float = 0.0
    in_epoch: bool = False
    row: dict[str, float] | None = None
    paced_from: tuple[int, float] | None = None
    epoch_from: tuple[float, ...] = (0, 0.0, 0.0, 0)
    epoch_began: tuple[float, float] = (0.0, 0.0)

    def begin_epoch(self) -> None:
        """Begin the next epoch; changes nothing where a resumed run stands in one."""
        if not self.in_epoch:
            self.epoch += 1
            self.batch, self.row, self.in_epoch = 0, None, True
            self.epoch_from = self.samples, self.train_s, self.wait_s, self.tokens
            self.epoch_began = time.monotonic(), self.paused_s

    def end_epoch(self) -> None:
        """Count the epoch as done."""
        self.in_epoch, self.row = False, None

    @property
    def epoch_time_s(self) -> float:
        """Seconds since the epoch began, pauses left out."""
        began, paused = self.epoch_began
        return time.monotonic() - began - (self.paused_s - paused)

    @property
    def steps_are_done(self) -> bool:
        """True once the steps the person asked for are taken."""
        return self.max_steps is not None and self.step >= self.max_steps

    @property
    def is_finished(self) -> bool:
        """True once the epochs or the steps are used up."""
        epochs = self.epoch - self.in_epoch
        epochs_done = self.total_epochs is not None and epochs >= self.total_epochs
        return epochs_done or self.steps_are_done

    @property
    def nothing_left(self) -> bool:
        """True when the step just taken is the last that was planned: a stop now would end nothing early."""
        return self.is_finished or (self.total_steps is not None and self.step >= self.total_steps)

    def progress(self) -> Progress:
        """Return the position now, with the time left judged from the pace so far.

        The pace counts everything but pauses (steps, validation, saving), so the estimate includes them, and
        the first steps, with what starts only once, as little as possible.
        """
        elapsed = (self.ended if self.ended is not None else time.monotonic()) - self.started
        active = max(elapsed - self.paused_s, 1e-9)
        eta = None
        if self.total_steps and self.step:
            if self.paced_from is None:
                self.paced_from = self.step, active
            step, before = self.paced_from
            pace = (active - before) / (self.step - step) if self.step >= step + PACED else active / self.step
            eta = max(self.total_steps - self.step, 0) * pace
        return Progress(
            self.step, self.total_steps, self.epoch, self.total_epochs, self.batch, self.phase, elapsed, eta,
            samples_per_s=self.samples / self.train_s if self.train_s > 0 else None,
            steps_per_s=self.step / self.train_s if self.train_s > 0 else None,
        )  # fmt: skip
