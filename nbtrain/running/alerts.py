"""Findings raised while training, from the numbers the pump has on the host.

Few and robust: an alert that cries wolf is worse than none. Each is raised once until it has been quiet for
a while.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from nbtrain import units
from nbtrain.findings import Finding, Severity
from nbtrain.running.noise import noise_of_changes
from nbtrain.telemetry.recorder import Rows

WINDOW = 200  # steps that say what is usual
USUAL_STEPS = 50  # fewer say nothing yet
QUIET_STEPS = 200  # steps before the same alert is raised again
SPIKE_RATIO = 2.0  # loss over its mean; a quarter of the starting loss and six deviations keep noise quiet
SPIKE_STEPS = 8  # a single noisy batch is no spike: the mean of this many steps has to be high
GRADIENT_RATIO = 10.0  # gradient norm over its median (trainproof's spike rule)
GRADIENT_DEVIATIONS = 8.0  # and this far out on a log scale: norms have heavy tails in healthy runs too
RISES = 3  # evaluations in a row
RAISED_LR = 1.5  # a learning rate this much above the one before the rise was raised on purpose
RISE_DEVIATIONS = 4.0  # of the change from one evaluation to the next before they rose
LOST_STEPS = 5  # losses in a row that are not finite, whatever the gradients say: that does not come back


class Watch:
    """Look at rows and evaluations as they come, return new findings.

    Args:
        scaled: a GradScaler guards the run: gradients that overflow are its daily work and no alert.
        whole: a step that was left out left the weights exactly as they were.
        judged: a policy deals with steps that were left out and says so (`nbtrain.train.callbacks.on_nan`):
            they are no end, and no alert from here.
    """

    def __init__(self, *, scaled: bool = False, whole: bool = True, judged: bool = False) -> None:
        self.scaled, self._whole, self._judged_steps = scaled, whole, judged
        self._losses = np.empty(0)  # the newest WINDOW + SPIKE_STEPS, finite
        self._norms = np.empty(0)  # the newest WINDOW, finite
        self._usual_start = 0.0  # median gradient norm of the first steps
        self._first: float | None = None
        self._raised: dict[str, int] = {}
        self._judged: list[tuple[int, float, float, float]] = []  # step, train_loss, val_loss, lr: each epoch
        self._lost: list[tuple[int, float]] = []  # step and loss of those in a row that are not finite
        self._overfits = False  # validation is rising, and that was said
        self.diverged = ""  # in a sentence, once it has

    def on_rows(self, rows: Rows) -> list[Finding]:
        """Return what a block of steps gives reason to say."""
        if self._judged_steps and rows.skipped.any():
            rows = rows.where(~rows.skipped)
        found = self._non_finite(rows)
        whole = np.isfinite(rows.train_loss)
        if self.diverged or not whole.any():
            return found
        rows = rows if whole.all() else rows.where(whole)
        return [*found, *self._loss_spike(rows), *self._gradient_spike(rows)]

    def _non_finite(self, rows: Rows) -> list[Finding]:
        """Tell a run that is lost from one odd batch.

        Lost: the gradients are not finite either (the step was left out, or the update took them in), or the
        loss stays so. One batch whose targets are all ignored has a NaN loss and harmless gradients.
        """
        bad, broken = ~np.isfinite(rows.train_loss), ~np.isfinite(rows.grad_norm)
        if not self.scaled and not self._judged_steps:  # a GradScaler skips such steps
            if rows.skipped.any():
                place = int(rows.skipped.argmax())
                what = "loss" if bad[place] else "gradient norm"
                value = rows.train_loss[place] if bad[place] else rows.grad_norm[place]
                return self._nan(int(rows.steps[place]), float(value), what, left_out=True)
            fatal = np.flatnonzero(bad & broken)
            if len(fatal):
                return self._nan(int(rows.steps[fatal[0]]), float(rows.train_loss[fatal[0]]), "loss")
            nan = np.flatnonzero(np.isnan(rows.grad_norm))
            if len(nan) and len(self._norms):  # else the run has no gradient norms at all
                return self._nan(int(rows.steps[nan[0]]), math.nan, "gradient norm")
        if not bad.any():
            self._lost = []
            return []
        for place, is_bad in enumerate(bad):
            now = (int(rows.steps[place]), float(rows.train_loss[place]))
            self._lost = [*self._lost, now] if is_bad else []
            if len(self._lost) >= LOST_STEPS and not self._judged_steps:
                return self._nan(*self._lost[0], "loss")
        step = int(rows.steps[np.flatnonzero(bad)[0]])
        return self._raise(
            Finding(
                "non-finite-loss",
                Severity.WARNING,
                "A batch gave a loss that is not finite; its gradients are, and training goes on.",
                evidence=f"loss {units.number(float(rows.train_loss[bad][0]))} at step {step:,}",
                recommended="look at the batch: are all its targets ignored (-100), is it empty?",
                step=step,
            )
        )

    def on_epoch(
        self, step: int, train_loss: float, val_loss: float | None, lr: float = 0.0
    ) -> list[Finding]:
        """Return what an epoch's losses give reason to say.

        Args:
            lr: at the epoch's end; a loss that rises because a schedule raised it is no sign.
        """
        if val_loss is None or not math.isfinite(val_loss):
            return []
        self._judged.append((step, train_loss, val_loss, lr))
        recent = self._judged[-RISES - 1 :]
        rising = len(recent) > RISES and all(after[2] > before[2] for before, after in pairwise(recent))
        falling = recent[-1][1] < recent[0][1] and max(one[3] for one in recent) <= RAISED_LR * recent[0][3]
        past = [one[2] for one in self._judged]
        least, spread = min(past), max(past) - min(past)
        # 5 % of the loss, or of half the way it has come where losses cross zero (log-likelihoods)
        enough = max(0.05 * max(abs(least), spread / 2), RISE_DEVIATIONS * noise_of_changes(past[:-RISES]))
        if not rising or not falling or recent[-1][2] - least <= enough:
            self._overfits = self._overfits and rising
            return []
        if self._overfits:
            return []
        self._overfits = True
        return [
            Finding(
                "validation-rising",
                Severity.WARNING,
                "Validation loss rises while train loss falls: the model begins to overfit.",
                evidence=f"validation {units.number(recent[0][2])} → {units.number(recent[-1][2])} over "
                f"{RISES} epochs, train {units.number(recent[0][1])} → {units.number(recent[-1][1])}",
                recommended="stop here (the best checkpoint is kept), or add regularisation",
                step=step,
            )
        ]

    def _raise(self, finding: Finding) -> list[Finding]:
        """Return it, unless the same was to be said a short while ago."""
        before = self._raised.get(finding.rule, -QUIET_STEPS)
        self._raised[finding.rule] = finding.step
        return [finding] if finding.step - before >= QUIET_STEPS else []

    def _nan(self, step: int, value: float, what: str, *, left_out: bool = False) -> list[Finding]:
        if self.diverged:
            return []
        self.diverged = f"the {what} became NaN or infinite at step {step:,}"
        issue = f"The {what} is not a finite number any more."
        if left_out and self._whole:
            self.diverged += "; that step was not taken, the weights are those before it"
            issue += f" Step {step:,} was not taken: the weights are those before it."
        elif left_out:
            self.diverged += "; its gradients were left out, the weights are finite"
            issue += f" The gradients of step {step:,} were left out: the weights are finite."
        evidence = f"{what} {units.number(value)} at step {step:,}"
        if len(self._losses):
            evidence += f"; the last finite loss was {units.number(float(self._losses[-1]))}"
        return [
            Finding(
                "nan-loss",
                Severity.CRITICAL,
                issue,
                current=units.number(value),
                recommended="a lower learning rate, gradient clipping (--clip 1.0), look for NaN in the data",
                evidence=evidence,
                step=step,
            )
        ]

    def _loss_spike(self, rows: Rows) -> list[Finding]:
        """Compare the highest mean of a few steps in this block with what was usual before it."""
        past, tail = self._losses[:WINDOW], self._losses[-SPIKE_STEPS + 1 :]
        known = np.concatenate((self._losses, rows.train_loss))
        self._losses = known[-WINDOW - SPIKE_STEPS :]
        if self._first is None and len(known) >= SPIKE_STEPS:
            self._first = float(known[:SPIKE_STEPS].mean())
        near = np.concatenate((tail, rows.train_loss))
        if len(past) < USUAL_STEPS or len(near) < SPIKE_STEPS:
            return []
        means = np.convolve(near, np.full(SPIKE_STEPS, 1 / SPIKE_STEPS), "valid")
        place = int(means.argmax())
        high, usual, spread = float(means[place]), float(past.mean()), float(past.std())
        if usual <= 0 or high <= max(SPIKE_RATIO * usual, usual + 6 * spread, 0.25 * abs(self._first)):
            return []
        return self._raise(
            Finding(
                "loss-spike",
                Severity.WARNING,
                "The training loss has jumped.",
                current=units.number(high),
                evidence=f"mean of {SPIKE_STEPS} steps {units.number(high)}, usual {units.number(usual)}",
                recommended="watch whether it comes back; if not, lower the learning rate or clip gradients",
                step=int(rows.steps[place + SPIKE_STEPS - 1 - len(tail)]),
            )
        )

    def _gradient_spike(self, rows: Rows) -> list[Finding]:
        past, norms = self._norms, rows.grad_norm[np.isfinite(rows.grad_norm)]
        self._norms = np.concatenate((past, norms))[-WINDOW:]
        if len(past) < USUAL_STEPS or not len(norms):
            return []
        self._usual_start = self._usual_start or float(np.median(past))
        place = int(np.nanargmax(np.where(np.isfinite(rows.grad_norm), rows.grad_norm, np.nan)))
        worst, median = float(rows.grad_norm[place]), float(np.median(past))
        # Against the start too: a large ratio of tiny norms is a converged model that meets a hard batch.
        if median <= 0 or worst <= max(1.0, 2 * self._usual_start, GRADIENT_RATIO * median):
            return []
        logs = np.log(np.maximum(past, 1e-30))
        deviation = 1.4826 * float(np.median(np.abs(logs - np.median(logs))))  # robust, as one sigma
        if math.log(worst / median) <= GRADIENT_DEVIATIONS * deviation:
            return []
        return self._raise(
            Finding(
                "gradient-spike",
                Severity.INFO,
                "A gradient norm far above the usual.",
                current=units.number(worst),
                evidence=f"{units.number(worst)} at step {int(rows.steps[place]):,}, "
                f"median {units.number(median)}",
                recommended="clip gradients (--clip 1.0) if it comes again",
                step=int(rows.steps[place]),
            )
        )
