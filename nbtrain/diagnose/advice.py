"""What to do next for each verdict on a training, in sentences with the run's own numbers. It passes no
verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbtrain.diagnose.best import Best
from nbtrain.diagnose.curves import Curves, present, recent
from nbtrain.diagnose.learning import fall_per_epoch, highest_loss, leapt, untrained_loss
from nbtrain.findings import Finding
from nbtrain.report.ticks import short
from nbtrain.units import count, counted

HEALTHY_NORM = 100.0  # a median gradient norm above it is the explosion, no bound for the next run
_BEFORE_ITS_END = ("stopped", "interrupted", "running", "paused")
CALM_STEPS, CALM = 5, 2.0  # last steps before a break, and how far over the median before them is grown
BEFORE = 5 * CALM_STEPS  # steps whose median that is, the last ones left out: a whole run's hides a blow-up
HIGHEST_RATE = 1.0  # above it nothing but plain SGD on scaled losses trains: a third of it says little


@dataclass(frozen=True)
class Circumstances:
    """What advice must know of a run beyond its curves.

    Attributes:
        bad_data: what in the data was not finite, in a sentence; "" where nothing is known to be.
        own_loop: the loop is the person's own, followed: no option of %train reaches it.
        diverged: it ended because its numbers were not finite.
        left: how much of what was planned it has not trained, in words, where somebody or something ended it
            before, or it still trains; "" where it came to its end, or no end was planned.
        out_of_patience: it ended itself there, because validation no longer improved.
    """

    bad_data: str = ""
    diverged: bool = False
    own_loop: bool = False
    left: str = ""
    out_of_patience: bool = False


def circumstances(run: Any) -> Circumstances:
    """Return those of a run, live or stored."""
    return Circumstances(
        bad_data=_bad_data(run.alerts), diverged=str(run.status) == "diverged",
        own_loop=run.manifest is not None and run.manifest.is_followed, left=_left(run),
        out_of_patience=str(run.status) == "completed",
    )  # fmt: skip


def _left(run: Any) -> str:
    status, progress = str(run.status), run.progress
    if status not in _BEFORE_ITS_END and not run.stop_reason:
        return ""
    if (epochs := progress.total_epochs) and (left := epochs - len(run.epochs)) > 0:
        return f"{count(left)} of the {count(epochs)} planned epochs"
    if (steps := progress.total_steps) and (left := steps - progress.step) > 0:
        return f"{count(left)} of the {count(steps)} planned steps"
    return ""


def _bad_data(alerts: Sequence[Finding]) -> str:
    """Return the newest sentence of an autopsy that found the data not finite."""
    return next((a.issue for a in reversed(alerts) if a.details.get("cause") == "data"), "")


def advise(
    kind: str, curves: Curves, best: Best | None = None, known: Circumstances | None = None
) -> tuple[str, ...]:
    """Return recommendations, the best first.

    Args:
        kind: converged, improving (healthy, stopped early), overfitting, underfitting, unstable or short.
        best: where validation was best, and how to have those weights; None takes what the curves tell.
        known: what else is known of the run; None, nothing.
    """
    known = known or Circumstances()
    best = best or _best(curves)
    writers = {
        "converged": lambda: _converged(curves, best, known),
        "improving": lambda: _improving(curves, best, known),
        "overfitting": lambda: _overfitting(best, known),
        "underfitting": lambda: _underfitting(curves, known),
        "unstable": lambda: _unstable(curves, best, known), "short": lambda: _short(curves, known),
    }  # fmt: skip
    return tuple(writers[kind]())


def _two(value: float) -> str:
    """Write a value to set: two digits, because more would feign precision."""
    return short(float(f"{value:.1e}"))


def _best(curves: Curves) -> Best | None:
    held = np.flatnonzero(np.isfinite(curves.val_loss))
    if len(held) == 0:
        return None
    best = held[int(np.argmin(curves.val_loss[held]))]
    return Best(
        float(curves.val_loss[best]), None, int(curves.epoch[best]), epochs_after=int((held > best).sum())
    )


def _use_best(best: Best) -> str:
    where = f"epoch {best.epoch}, " if best.epoch else f"step {best.step:,}, " if best.step else ""
    if best.held_by:
        return (
            f"`{best.held_by}` holds the best weights already, those of the end ({where}validation loss "
            f"{short(best.loss)})."
        )
    return f"Use the best checkpoint: {where}validation loss {short(best.loss)}. {best.use}".rstrip()


def _peak_lr(curves: Curves) -> float | None:
    rates = present(curves.lr)
    return float(rates.max()) if len(rates) and rates.max() > 0 else None


def _converged(curves: Curves, best: Best | None, known: Circumstances) -> list[str]:
    if best is None and curves.has_validation:
        return ["Confirm it once on test data that no decision was based on."]
    if best is None:
        how = "Validate in your loop" if known.own_loop else "Give validation data"
        options = "" if known.own_loop else " (--val NAME or --split 0.2)"
        return [f"{how} next time{options}: only then can overfitting be seen."]
    advice = [_use_best(best)]
    if best.epochs_after >= 5:
        patience = max(3, best.epochs_after // 2)
        how = f"a break after {patience} such epochs" if known.own_loop else f"--patience {patience}"
        advice.append(
            f"The last {best.epochs_after} epochs did not improve on it: {how} would have saved them."
        )
    advice.append("Confirm it once on test data that no decision was based on.")
    return advice


def _after(epochs: int) -> str:
    return "The epoch after it" if epochs == 1 else f"The {epochs} epochs after it"


def _improving(curves: Curves, best: Best | None, known: Circumstances) -> list[str]:
    fall = fall_per_epoch(curves)
    what = "validation" if np.isfinite(curves.val_loss).any() else "train"
    end = present(curves.val_loss if what == "validation" else curves.train_loss)[-1]
    why = f", for {what} loss still fell by {100 * fall:.0f} % an epoch, to {short(end)}" if fall else ""
    advice = [_longer(curves, known, why)]
    if advice[0].startswith("Train longer"):
        advice[0] += " A new %train of the same model goes on from the weights it has now."
    if curves.has_validation and not known.own_loop and not (known.left and known.out_of_patience):
        advice.append(
            "Give --patience 5 along, so that it stops by itself when validation loss no longer improves."
        )
    if best is not None and best.use and not best.held_by:
        advice.append(_use_best(best))
    return advice


def _overfitting(best: Best | None, known: Circumstances) -> list[str]:
    advice = []
    if best is not None and best.epochs_after > 0:
        how = "with --patience 3 it stops there by itself"
        if known.own_loop:
            how = "leave the loop after three such epochs"
        advice.append(
            f"{_use_best(best)} {_after(best.epochs_after)} made validation loss no better; "
            f"{how}."
        )
    return [
        *advice,
        (
            "Regularise: weight decay (AdamW, 0.01 to 0.1), dropout (0.1 to 0.3), label smoothing (0.1). One "
            "at a time."
        ),
        "Augment the training data, or add more of it: this helps most, and costs most.",
        "If that is not enough, use a smaller model.",
    ]


def _underfitting(curves: Curves, known: Circumstances) -> list[str]:
    return [
        _other_rate(curves, _peak_lr(curves)),
        _longer(curves, known),
        (
            "Check that the model can learn at all: one batch, 200 steps, the loss must go near zero. If it "
            "does not, look for a wrong target, a frozen layer, inputs or targets that are not normalised."
        ),
        "Use a model with more capacity, or less regularisation.",
    ]


def _longer(curves: Curves, known: Circumstances, why: str = "") -> str:
    """Say how it trains longer: to the end that was planned, where it did not come to it."""
    if known.left and known.out_of_patience:
        return f"Give it more patience, and it trains on: {known.left} were left{why}."
    if known.left:
        return f"Let it train to its end: {known.left} are left{why}."
    epochs = 2 * max(curves.epochs, 1)
    if known.own_loop:
        return f"Let your loop run longer, {counted(epochs, 'epoch')} in all{why}."
    return f"Train longer: --epochs {epochs}{why}."


def _other_rate(curves: Curves, rate: float | None) -> str:
    """Say which learning rate to try: a loss that never moved does not tell too low from too high, but one
    that leapt up first does.
    """
    first, end = untrained_loss(curves), recent(curves.train_loss)
    if leapt(curves):
        tries = f" (now {short(rate)}, try {_two(rate / 10)} and {_two(rate / 100)})" if rate else ""
        return (
            f"Lower the learning rate{tries}: the loss leapt from {short(first)} to "
            f"{short(highest_loss(curves))} and came back to where it began."
        )
    if first > 0 and end > 0.9 * first:
        tries = f" (now {short(rate)}, try {_two(rate * 10)} and {_two(rate / 10)})" if rate else ""
        return (
            f"Try the learning rate in both directions{tries}, a hundred steps each: far too low and far too "
            "high look alike, a loss that stays where it began."
        )
    tries = f" (now {short(rate)}, try {_two(3 * rate)})" if rate else ""
    return f"Raise the learning rate{tries}: the loss falls, but slowly."


def _bad_data_first(bad: str, curves: Curves, best: Best | None) -> list[str]:
    """No setting of a run helps while its data holds NaN: nothing is said of rates, clipping or warm-up."""
    advice = [
        f"Mend the data first: {bad[0].lower()}{bad[1:].rstrip('.')}. Repair or drop what is not finite, in "
        "the data set or in the transform that makes it.",
        "Look for more of it before the next run: `torch.isfinite(x).all()` over every batch.",
    ]
    if best is not None and best.use and not best.held_by and best.loss < 0.9 * abs(untrained_loss(curves)):
        advice.append(_use_best(best))
    return advice


def _broke_suddenly(curves: Curves) -> int | None:
    """Return the first step that was not finite where loss and gradient norm were ordinary up to it."""
    first = curves.broken_row
    if first is None or first < CALM_STEPS:
        return None
    for values in (curves.step_loss, curves.grad_norm):
        seen = np.abs(present(values[:first]))
        before = seen[-BEFORE:-CALM_STEPS] if len(seen) > CALM_STEPS else seen
        if len(seen) and seen[-CALM_STEPS:].max() > CALM * np.median(before):
            return None
    return int(curves.step[first])


def _unstable(curves: Curves, best: Best | None, known: Circumstances) -> list[str]:
    if known.bad_data and (curves.broken or known.diverged):
        return _bad_data_first(known.bad_data, curves, best)
    advice = []
    sudden = _broke_suddenly(curves)
    if sudden is not None:
        seen = "loss and gradient norm were" if np.isfinite(curves.grad_norm).any() else "the loss was"
        advice.append(
            f"Look at the batch of step {sudden:,} first: {seen} ordinary up to it, "
            "which speaks for NaN or infinite values in the data, a logarithm or a division by zero."
        )
    rate = _peak_lr(curves)
    if rate and rate > HIGHEST_RATE:
        advice.append(
            f"Lower the learning rate (now {short(rate)}) to {HIGHEST_RATE:g} or below; %train lr-find looks "
            "for one."
        )
    elif rate:
        advice.append(
            f"Lower the learning rate from {short(rate)} to {_two(rate / 3)}; if that is not enough, "
            f"{_two(rate / 10)}."
        )
    else:
        advice.append("Lower the learning rate to a third; if that is not enough, to a tenth.")
    clip = "`torch.nn.utils.clip_grad_norm_` before the step;" if known.own_loop else "--clip"
    norms = present(curves.grad_norm)
    if len(norms):
        middle, largest = float(np.median(norms)), short(float(norms.max()))
        if middle <= HEALTHY_NORM:
            said = f"{_two(max(middle, 1e-6))} is the run's median gradient norm; the largest was {largest}."
        else:
            said = f"1.0; this run's norms (median {short(middle)}, largest {largest}) are no bound to go by."
        advice.append(f"Clip gradients: {clip} {said}")
    else:
        advice.append(f"Clip gradients: {clip} 1.0{' is a usual bound' if known.own_loop else ''}.")
    if best is not None and best.epochs_after > 0 and best.loss < 0.9 * abs(untrained_loss(curves)):
        advice.append(_use_best(best))
    advice.append("Warm the learning rate up over the first 5 % of the steps.")
    if sudden is None:
        advice.append(
            "Look at the batches around the jump: outliers, wrong labels, inputs that are not normalised, "
            "log or division by zero."
        )
    return advice


def _short(curves: Curves, known: Circumstances) -> list[str]:
    epochs = max(5, 2 * curves.epochs)
    if known.left:
        return [f"Let it train on to get a verdict: {known.left} are left."]
    if known.own_loop and len(curves.step) == 0 and curves.epochs == 0:
        return ["Follow the cell in which backward and optimizer.step() are called: in this one none was."]
    if known.own_loop and curves.epochs == 0:
        return [
            "Trends are judged by epochs, and this loop shows none: the end of a loader is one, and so is a "
            "turn of `for epoch in ...`. `%train diagnose` judges the steps."
        ]
    if known.own_loop:
        return [f"Let your loop run longer to get a verdict: {counted(epochs, 'epoch')} in all."]
    return [f"Train for more epochs to get a verdict: --epochs {epochs}."]
