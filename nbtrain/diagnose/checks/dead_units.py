"""Units or whole layers that no longer react to any input.

What it does
    Where the history counts them (a column with "dead" in its name, as a share or in percent): more than
    half of the units dead in the last three epochs (SageMaker Debugger: over half of a layer's ReLUs active
    in under 1 % of cases; AutoTrainer and DeepDiagnosis speak from 70 % on). Else by gradients: a layer
    whose norm is exactly 0 in the last three epochs while others' is not, and which had a gradient before,
    or in a run that learned nothing.

Why it hurts
    A dead ReLU has no gradient, so it stays dead; the model is smaller than it was paid for.

What to do
    A lower learning rate, LeakyReLU or GELU, other initial biases; new weights, for dead units do not wake.

When to ignore
    Frozen layers have no gradient from the first epoch on; sparse embeddings have rows without one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.curves import recent
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.layers import layer_norms
from nbtrain.findings import Confidence, Severity

SHARE = 0.5
LEARNED = 0.10
VERIFY = (
    "The share of dead units (or of layers without gradient) must stay under a tenth over the first epochs."
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    names = [str(name) for name in facts.history.epochs if "dead" in str(name).lower()]
    rows = layer_norms(facts.history)
    if not names and len(rows) < 2:
        yield Gap("nothing counts dead units, and there are no gradient norms by layer (`layer_grad_norms`)")
        return
    for name in names:
        values = facts.history.column(name)
        if not np.isfinite(values).any():
            continue
        values = values / 100 if np.nanmax(values) > 1.5 else values
        share = recent(values)
        if round(share, 6) > SHARE:
            begin, end = float(facts.curves.epoch[0]), float(facts.curves.epoch[-1])
            yield _said(
                facts,
                f"{100 * share:.0f} % of the units are dead.",
                f"`{name}`, mean of the last three epochs; the limit is half",
                (begin, end),
                name,
            )
            return
    if len(rows) >= 2:
        yield from _silent_layers(facts, rows)


def _silent_layers(facts: Facts, rows: list[tuple[float, dict[str, float]]]) -> Iterator[Suspicion | Gap]:
    last = rows[-3:]
    silent = [name for name in last[-1][1] if all(norms.get(name) == 0 for _, norms in last)]
    others = [norm for _, norms in last for name, norm in norms.items() if name not in silent]
    if not silent:
        return
    lived = [name for name in silent if any(norms.get(name, 0) > 0 for _, norms in rows)]
    nothing = not facts.gain > LEARNED
    if not lived and not (nothing and any(norm > 0 for norm in others)) and not (nothing and not others):
        return
    told = lived or silent
    began = next((at for at, norms in rows if all(norms.get(name) == 0 for name in told)), rows[-1][0])
    shown = ", ".join(f"`{name}`" for name in told[:4]) + (
        f" and {len(told) - 4} more" if len(told) > 4 else ""
    )
    yield _said(
        facts,
        f"{len(told)} of {len(last[-1][1])} layers have no gradient at all: {shown}.",
        f"norm exactly 0 in the last {len(last)} epochs, from epoch {began:.0f} on",
        (began, rows[-1][0]),
        "grad_norm",
    )


def _said(facts: Facts, issue: str, evidence: str, place: tuple[float, float], chart: str) -> Suspicion:
    advice = (
        remedies.lower_rate(
            facts, expected="units no longer die; those that are dead stay so: begin with new weights"
        ),
        Recommendation(
            "LeakyReLU or GELU instead of ReLU: they have a gradient everywhere.",
            "high",
            "low",
            "low",
            "no unit without a gradient",
            {"activation": "gelu"},
        ),
        Recommendation(
            "Begin with new weights (He initialisation, biases of 0 or 0.01); dead units do not wake.",
            "medium",
            "low",
            "medium",
            "all layers have a gradient in the first epoch",
            {"reinitialise": True},
        ),
        Recommendation(
            "Batch norm or layer norm before the activation.",
            "medium",
            "medium",
            "low",
            "inputs of the activation stay around zero, so half of the units react",
        ),
    )
    return Suspicion(
        issue,
        evidence,
        Severity.WARNING,
        Confidence.LIKELY,
        advice,
        VERIFY,
        (
            "Layers that are frozen on purpose have no gradient either, from the first epoch on.",
            "A layer whose output the loss does not use, or that is detached.",
        ),
        (Evidence(chart, "span", *place, label="dead"),),
        place,
    )


CHECK = Check("dead-units", look)
