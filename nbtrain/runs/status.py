"""What a run is doing and where it stands: the two values every reader of a run shares, live or from disk."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from nbtrain import units


class RunStatus(str, Enum):
    """What a run is doing, or how it ended."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    STOPPED = "stopped"
    DIVERGED = "diverged"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    def __str__(self) -> str:
        return self.value

    @property
    def alive(self) -> bool:
        """True while the training thread works or waits."""
        return self in (RunStatus.RUNNING, RunStatus.PAUSED)

    @property
    def over(self) -> bool:
        """True once nothing more will happen."""
        return self not in (RunStatus.PLANNED, RunStatus.RUNNING, RunStatus.PAUSED)


@dataclass(frozen=True, repr=False)
class Progress:
    """A reading of a run's position. Epochs and steps count from 1, 0 is before the first; times in s."""

    step: int = 0
    total_steps: int | None = None
    epoch: int = 0
    total_epochs: int | None = None
    batch: int = 0
    phase: str = "starting"
    elapsed_s: float = 0.0
    eta_s: float | None = None
    samples_per_s: float | None = None
    steps_per_s: float | None = None

    def __repr__(self) -> str:
        """One line for a cell: `<epoch 3 of 20, step 135 of 900, training, 1:12 so far>`."""
        said = [_of("epoch", self.epoch, self.total_epochs), _of("step", self.step, self.total_steps)]
        said += [self.phase, f"{units.seconds(self.elapsed_s)} so far"]
        if self.eta_s:
            said.append(f"{units.seconds(self.eta_s)} left")
        if self.samples_per_s:
            said.append(f"{units.count(self.samples_per_s)} samples/s")
        return f"<{', '.join(said)}>"


def _of(what: str, done: int, total: int | None) -> str:
    return f"{what} {units.count(done)} of {units.count(total)}" if total else f"{what} {units.count(done)}"
