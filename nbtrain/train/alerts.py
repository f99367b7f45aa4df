"""Findings raised while training, from the numbers the pump has on the host.

Few and robust: an alert that cries wolf is worse than none. Each is raised once until it has been quiet for
a while.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from nbtrain import units
from nbtrain.findings import Confidence, Finding, Severity
from nbtrain.telemetry.recorder import Rows

SPIKE_RATIO = 2.0  # loss over its moving average, as the engine's early warnings ask
GRADIENT_RATIO = 10.0  # gradient norm over its running median (trainproof's spike rule)
WINDOW = 200  # steps a moving average looks back
SPIKE_STEPS = 8  # a single noisy batch is no spike: the mean of this many steps has to be high
QUIET_STEPS = 200  # steps before the same alert is raised again
START_STEPS = 50  # steps before anything is called unusual
RISES = 3  # evaluations in a row


class Watch:
    """Look at rows and evaluations as they come, return new findings."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque(maxlen=WINDOW)
        self._norms: deque[float] = deque(maxlen=WINDOW)
        self._first: float | None = None
        self._usual_start = 0.0  # median gradient norm of the first steps
        self._raised: dict[str, int] = {}
        self._judged: list[tuple[int, float, float]] = []  # step, train_loss, val_loss of each epoch
        self.diverged_at: int | None = None

    def on_rows(self, rows: Rows) -> list[Finding]:
        """Return what a block of steps gives reason to say."""
        bad = np.flatnonzero(~np.isfinite(rows.train_loss))
        if len(bad):
            return self._nan(int(rows.steps[bad[0]]), float(rows.train_loss[bad[0]]), "loss")
        infinite = np.flatnonzero(np.isinf(rows.grad_norm))
        found = self._gradient_nan(rows) if not len(infinite) else []
        step = int(rows.steps[-1])
        found += self._loss_spike(rows, step)
        found += self._gradient_spike(rows)
        self._losses.extend(rows.train_loss.tolist())
        self._norms.extend(norm for norm in rows.grad_norm.tolist() if math.isfinite(norm))
        if not self._usual_start and len(self._norms) >= START_STEPS:
            self._usual_start = float(np.median(np.fromiter(self._norms, float)))
        if self._first is None and len(self._losses) >= SPIKE_STEPS:
            self._first = float(np.mean(list(self._losses)[:SPIKE_STEPS]))
        return found

    def on_epoch(self, step: int, train_loss: float, val_loss: float | None) -> list[Finding]:
        """Return what an epoch's losses give reason to say."""
        if val_loss is None or not math.isfinite(val_loss):
            return []
        self._judged.append((step, train_loss, val_loss))
        recent = self._judged[-RISES - 1 :]
        if len(recent) <= RISES or self._muted("validation-rising", step):
            return []
        rising = all(after[2] > before[2] for before, after in zip(recent, recent[1:], strict=False))
        falling = recent[-1][1] < recent[0][1]
        if not (rising and falling and recent[-1][2] > 1.05 * min(value for _, _, value in self._judged)):
            return []
        return [
            Finding(
                "validation-rising", Severity.WARNING, "Validation loss rises while train loss falls: the model begins to overfit.",
                evidence=f"validation {units.number(recent[0][2])} → {units.number(recent[-1][2])} over {RISES} epochs, "
                f"train {units.number(recent[0][1])} → {units.number(recent[-1][1])}",
                recommended="stop here (the best checkpoint is kept), or add regularisation", step=step,
            )
        ]  # fmt: skip

    def _muted(self, rule: str, step: int) -> bool:
        if rule in self._raised and step - self._raised[rule] < QUIET_STEPS:
            return True
        self._raised[rule] = step
        return False

    def _nan(self, step: int, value: float, what: str) -> list[Finding]:
        if self.diverged_at is not None:
            return []
        self.diverged_at = step
        before = [x for x in self._losses if math.isfinite(x)]
        evidence = f"{what} {units.number(value)} at step {step:,}"
        if before:
            evidence += f"; the last finite loss was {units.number(before[-1])}"
        return [
            Finding(
                "nan-loss", Severity.CRITICAL, f"The {what} is not a finite number any more.", current=units.number(value),
                recommended="a lower learning rate, gradient clipping (--clip 1.0), a look at the data for NaN", evidence=evidence, step=step,
            )
        ]  # fmt: skip

    def _gradient_nan(self, rows: Rows) -> list[Finding]:
        if not self._norms:  # a run without gradient norms has NaN there all along
            return []
        bad = np.flatnonzero(np.isnan(rows.grad_norm))
        return self._nan(int(rows.steps[bad[0]]), math.nan, "gradient norm") if len(bad) else []

    def _loss_spike(self, rows: Rows, step: int) -> list[Finding]:
        past = np.fromiter(self._losses, float)
        if len(past) < 50 or len(rows.train_loss) < SPIKE_STEPS or self._first is None:
            return []
        recent = float(np.mean(rows.train_loss[-SPIKE_STEPS:]))
        usual, spread = float(np.mean(past)), float(np.std(past))
        # The second and third terms keep the noise of small losses and a converged model's wiggles quiet.
        high = (
            recent > SPIKE_RATIO * usual and recent > usual + 6 * spread and recent > 0.25 * abs(self._first)
        )
        if usual <= 0 or not high or self._muted("loss-spike", step):
            return []
        return [
            Finding(
                "loss-spike", Severity.WARNING, "The training loss has jumped.", current=units.number(recent),
                evidence=f"mean of the last {SPIKE_STEPS} steps {units.number(recent)}, usual {units.number(usual)}",
                recommended="watch whether it comes back; if not, lower the learning rate or clip gradients", step=step,
            )
        ]  # fmt: skip

    def _gradient_spike(self, rows: Rows) -> list[Finding]:
        if len(self._norms) < START_STEPS:
            return []
        median = float(np.median(np.fromiter(self._norms, float)))
        place = int(np.nanargmax(rows.grad_norm)) if not np.all(np.isnan(rows.grad_norm)) else 0
        worst, step = float(rows.grad_norm[place]), int(rows.steps[place])
        # Against the start as well: a large ratio of tiny norms is a converged model meeting a hard batch, no danger.
        sizeable = worst > max(1.0, 2 * self._usual_start)
        if (
            median <= 0
            or not sizeable
            or not worst > GRADIENT_RATIO * median
            or self._muted("gradient-spike", step)
        ):
            return []
        return [
            Finding(
                "gradient-spike", Severity.INFO, "A gradient norm far above the usual.", current=units.number(worst),
                evidence=f"{units.number(worst)} at step {step:,}, median {units.number(median)}", confidence=Confidence.CERTAIN,
                recommended="clip gradients (--clip 1.0) if it comes again", step=step,
            )
        ]  # fmt: skip
