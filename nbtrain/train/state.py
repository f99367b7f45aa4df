"""Where a run stands. The loop writes, everybody else reads;
plain attributes, so that a step costs nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from nbtrain.runs.status import Progress, RunStatus

__all__ = ["Progress", "RunStatus", "State"]


@dataclass
class State:
    """The loop's counters. `phase`: starting, training, validating, saving, paused, done."""

    total_steps: int | None = None
    total_epochs: int | None = None
    step: int = 0
    epoch: int = 0
    batch: int = 0
    samples: int = 0
    phase: str = "starting"
    best_val_loss: float = float("inf")
    best_val_step: int = 0
    best_val_epoch: int = 0
    stop_reason: str = ""
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    paused_s: float = 0.0
    train_s: float = 0.0

    def progress(self) -> Progress:
        """Return the position now, with the time left judged from the pace so far.

        The pace counts everything but pauses (steps, validation, saving), so the estimate includes them.
        """
        elapsed = (self.ended if self.ended is not None else time.monotonic()) - self.started
        active = max(elapsed - self.paused_s, 1e-9)
        eta = None
        if self.total_steps and self.step:
            eta = max(self.total_steps - self.step, 0) * active / self.step
        pace = self.step / self.train_s if self.train_s > 0 else None
        flow = self.samples / self.train_s if self.train_s > 0 else None
        return Progress(
            self.step,
            self.total_steps,
            self.epoch,
            self.total_epochs,
            self.batch,
            self.phase,
            elapsed,
            eta,
            flow,
            pace,
        )
