"""A loss that is not a finite number.

What it does
    Any train or validation loss, by epoch or by step, is NaN or infinite. One is enough; whether the run
    went on afterwards is said.

Why it hurts
    An update with such a loss makes every weight NaN, and no further step makes them finite again.

What to do
    Mend the data or the formula that made it; a lower rate and clipping where the loss grew before; bf16 or
    32 bit where it is fp16 that overflows.

When to ignore
    Never. A single batch whose targets are all ignored has a NaN loss and harms nothing else: fix its mean.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.curves import present
from nbtrain.diagnose.facts import Facts
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

VERIFY = (
    "Every loss of the next run must be finite; `torch.isfinite(x).all()` over every batch rules "
    "the data out."
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    broken, curves = facts.history.broken, facts.curves
    if not broken and facts.hints.status != "diverged":
        if (
            not len(present(curves.train_loss))
            and not len(present(curves.val_loss))
            and facts.history.steps.empty
        ):
            yield Gap("no loss at all")
        return
    first = broken[0] if broken else None
    epoch = first.epoch if first is not None and first.epoch is not None else None
    before = curves.train_loss[curves.epoch < epoch] if epoch is not None else curves.step_loss
    last = present(before)
    evidence = (
        f"last finite train loss {number(last[-1], 3)}" if len(last) else "no finite train loss before it"
    )
    if epoch is not None:
        later = np.isfinite(curves.train_loss[curves.epoch > epoch])
        where = (
            f"{len(broken)} of {len(curves.epoch)} epochs" if len(broken) > 1 else f"epoch {epoch:.0f} alone"
        )
        evidence += f"; {where}"
        if len(later) and later.any():
            evidence += (
                "; later losses are finite again from epoch "
                f"{curves.epoch[curves.epoch > epoch][later][0]:.0f}"
            )
    issue = "The loss became NaN or infinite."
    if first is not None:
        what = {"train_loss": "train loss", "val_loss": "validation loss"}.get(first.column, first.column)
        issue = f"The {what} is {number(first.value)} at {first.where}."
    if facts.hints.bad_data:
        evidence += f"; {facts.hints.bad_data[0].lower()}{facts.hints.bad_data[1:].rstrip('.')}"
    end = float(curves.epoch[-1]) if len(curves.epoch) else float("nan")
    marks = (
        () if epoch is None else (Evidence("loss", "span", epoch, end, label=f"not finite from {epoch:.0f}"),)
    )
    yield Suspicion(
        issue,
        evidence,
        Severity.CRITICAL,
        Confidence.CERTAIN,
        _advice(facts),
        VERIFY,
        (
            "The data hold a NaN or infinite value, or a batch whose targets are all ignored.",
            "A formula at the edge of its domain: log(0), division by a variance of zero, exp of a "
            "large number.",
            "fp16: numbers above 65,504 overflow where fp32 would be fine.",
            "The learning rate is too high: then losses and gradient norms grow in the steps before.",
        ),
        marks,
        (epoch, end) if epoch is not None else None,
    )


def _advice(facts: Facts) -> tuple[Recommendation, ...]:
    data = Recommendation(
        "Mend the data first: repair or drop what is not finite, in the data set or the transform that "
        "makes it.",
        "high",
        "low",
        "low",
        "no non-finite value in any batch; nothing else helps while there is one",
    )
    if facts.hints.bad_data:
        return (data,)
    return (
        data,
        remedies.lower_rate(facts, factor=10, expected="losses stay finite if growth was the cause"),
        remedies.clip_gradients(facts),
        Recommendation(
            "bf16 instead of fp16 (`--precision bf16`), or 32 bit for the module that overflows.",
            "medium",
            "low",
            "low",
            "no overflow above 65,504",
            {"precision": "bf16"},
        ),
        remedies.warm_up(),
    )


CHECK = Check("nan-loss", look)
