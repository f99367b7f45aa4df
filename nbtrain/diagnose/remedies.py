"""Recommendations that several checks give, with the run's own numbers and the settings that they change.

Settings have the names of `%train` options and of an optimizer's arguments. A loop of one's own reads them
from the config; no option of %train reaches it.
"""

from __future__ import annotations

import math

import numpy as np

from nbtrain.diagnose.check import Recommendation
from nbtrain.diagnose.curves import present
from nbtrain.diagnose.facts import Facts
from nbtrain.report.ticks import short


def two_digits(value: float) -> float:
    """Round a value to set: more digits would feign precision."""
    return float(f"{value:.1e}")


def lower_rate(
    facts: Facts, *, factor: float = 3.0, expected: str = "", impact: str = "high"
) -> Recommendation:
    rate = facts.peak_lr
    said = expected or "the loss falls without jumps; slower at first"
    if rate is None:
        share = "a third" if factor <= 3 else "a tenth"
        return Recommendation(
            f"Lower the learning rate to {share} of what it is.", impact, "low", "low", said
        )
    new = two_digits(rate / factor)
    return Recommendation(
        f"Lower the learning rate from {short(rate)} to {short(new)}.",
        impact,
        "low",
        "low",
        said,
        {"lr": new},
    )


def raise_rate(facts: Facts, *, factor: float = 3.0, impact: str = "high") -> Recommendation:
    rate = facts.peak_lr
    said = "a loss that falls visibly faster within an epoch; if it jumps instead, the rate was not the cause"
    if rate is None:
        return Recommendation(
            "Raise the learning rate threefold, or take the suggestion of `%train lr-find`.",
            impact,
            "low",
            "medium",
            said,
        )
    new = two_digits(rate * factor)
    return Recommendation(
        f"Raise the learning rate from {short(rate)} to {short(new)}; `%train lr-find` says whether it "
        "bears that.",
        impact,
        "low",
        "medium",
        said,
        {"lr": new},
    )


def clip_gradients(facts: Facts, *, impact: str = "high") -> Recommendation:
    """Clip near the 90th percentile of the norms (Deep Learning Tuning Playbook); at 1.0 without norms."""
    norms = present(facts.curves.grad_norm)
    norms = norms if len(norms) else present(facts.history.column("grad_norm"))
    bound, why = 1.0, "a usual bound"
    if len(norms) >= 4:
        calm = norms[: max(4, len(norms) // 4)]  # the norms before anything grew
        bound = two_digits(max(float(np.percentile(calm, 90)), 1e-6))
        why = "the 90th percentile of the norms at the start"
    return Recommendation(
        f"Clip the gradient norm at {short(bound)} ({why}).",
        impact,
        "low",
        "low",
        "no step is larger than usual ones; a spike no longer undoes what was learned",
        {"clip": bound},
    )


def warm_up(*, impact: str = "medium") -> Recommendation:
    return Recommendation(
        "Warm the learning rate up over the first 5 % of the steps.",
        impact,
        "low",
        "low",
        "a calm start; no difference later",
        {"warmup_ratio": 0.05},
    )


def stop_at_best(facts: Facts, *, impact: str = "medium") -> Recommendation | None:
    """Stop when validation no longer improves; None without a validation loss."""
    loss = facts.curves.val_loss
    if not np.isfinite(loss).any():
        return None
    at = int(np.nanargmin(loss))
    after = int(np.isfinite(loss[at + 1 :]).sum())
    patience = max(3, min(10, after // 2))
    where = f"epoch {facts.curves.epoch[at]:.0f} (validation loss {short(float(loss[at]))})"
    return Recommendation(
        f"Use the weights of {where} and stop after {patience} epochs without a better one.",
        impact,
        "low",
        "low",
        f"the same best model, {max(after - patience, 0)} epochs earlier",
        {"patience": patience},
    )


def decay_weights(facts: Facts) -> Recommendation:
    now = facts.hints.settings.get("weight_decay")
    known = isinstance(now, (int, float)) and math.isfinite(now) and now > 0
    new = two_digits(min(now * 5, 0.2)) if known else 0.01
    was = f", now {short(now)}" if known else ""
    kind = "" if "AdamW" in facts.hints.optimizer or not facts.hints.optimizer else " (AdamW for Adam)"
    return Recommendation(
        f"Weight decay {short(new)}{was}{kind}.",
        "medium",
        "low",
        "low",
        "a gap smaller by some points; train accuracy falls a little",
        {"weight_decay": new},
    )


def longer(facts: Facts, *, impact: str = "medium") -> Recommendation:
    planned = facts.hints.settings.get("epochs")
    if isinstance(planned, int) and planned > facts.epochs and facts.hints.status != "completed":
        return Recommendation(
            f"Let it train to its end: {planned} epochs were planned, and it has {facts.epochs}.",
            impact,
            "low",
            "low",
            "helps only while the curves still move",
            {"epochs": planned},
        )
    count = 2 * max(facts.epochs, 1)
    return Recommendation(
        f"Train longer: {count} epochs instead of {facts.epochs}.",
        impact,
        "low",
        "low",
        "helps only while the curves still move at the end",
        {"epochs": count},
    )


def memorise_a_batch(*, impact: str = "high") -> Recommendation:
    return Recommendation(
        "Let the model learn ten samples by heart (`--max-steps 200` on one batch): the loss must go to "
        "almost 0.",
        impact,
        "low",
        "low",
        "if it does not, the fault is in model, loss or optimizer, and no setting of the run will help",
    )


def review_code() -> Recommendation:
    return Recommendation(
        "Run `%train_review` on the cell: it knows the usual slips (frozen parameters, softmax before "
        "the loss, "
        "gradients that are not cleared).",
        "medium",
        "low",
        "low",
        "a line to mend, or that kind of cause ruled out",
    )
