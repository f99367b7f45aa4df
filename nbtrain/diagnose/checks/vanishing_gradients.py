"""Gradients too small for the first layers to learn from.

What it does
    By layer, in the last three epochs that tell layers apart: the first layer's norm is under a thousandth
    of the last's and under 1e-4 (AutoTrainer), or half of the layers have norms under 1e-7 (SageMaker
    Debugger, DeepDiagnosis). Without layers: the median total norm of the last three epochs is under 1e-4
    while the train loss lost less than a tenth of its start. A layer at exactly 0 is no matter of this
    check (see dead-units).

Why it hurts
    The first layers stay as they were drawn; the last ones learn on random features, and the loss stays
    high.

What to do
    ReLU-like activations instead of sigmoid or tanh, normalisation, skip connections, He initialisation.

When to ignore
    The model has converged: then all gradients are small, and the loss is low. Frozen layers have none; the
    rows of an embedding get small ones: of a run that lost half of its loss, norms over 1e-6 are only said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nbtrain.diagnose import remedies
from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.curves import present
from nbtrain.diagnose.facts import Facts
from nbtrain.diagnose.layers import layer_norms, weights_only
from nbtrain.findings import Confidence, Severity
from nbtrain.units import number

RATIO, FIRST_NORM = 1e-3, 1e-4  # AutoTrainer
TINY = (
    1e-7  # mean of absolute gradients (SageMaker Debugger); a norm is larger, so this is the stricter reading
)
TOTAL = 1e-4
FELL = 0.5  # share of the starting loss, or accuracy (of validation, if any) from 90 % on: then only said
NOTHING = 1e-6  # a first layer's norm; what is above may be that of an embedding, few of whose rows are used
LEARNED = 0.10  # share of the starting loss: more was learned, so gradients did arrive
VERIFY = (
    "The first layer's norm in `layer_grad_norms` (the Layers tab) must come within a factor of a "
    "hundred of the "
    "last's, and the loss must fall within the first epochs."
)
ADVICE = (
    Recommendation(
        "ReLU or GELU instead of sigmoid or tanh between the layers.",
        "high",
        "low",
        "low",
        "the first layer's gradient grows by orders of magnitude",
        {"activation": "relu"},
    ),
    Recommendation(
        "Batch norm or layer norm between the layers, or skip connections around them.",
        "high",
        "medium",
        "low",
        "norms of the layers within a factor of ten of each other",
        {"normalisation": True},
    ),
    Recommendation(
        "He initialisation (`kaiming_normal_`) for ReLU, Xavier for tanh; no tiny constant weights.",
        "medium",
        "low",
        "low",
        "the forward signal keeps its size through the layers",
    ),
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    rows = layer_norms(facts.history)[-3:]
    total = present(facts.history.column("grad_norm"))
    if not rows and len(total) < 3:
        yield Gap("neither gradient norms by layer (`layer_grad_norms`) nor three epochs with `grad_norm`")
        return
    if rows and (found := _by_layer(facts, rows)) is not None:
        yield found
        return
    if len(total) < 3:
        return
    now = float(np.median(total[-3:]))
    if 0 < now < TOTAL and facts.gain < LEARNED:
        begin, end = float(facts.curves.epoch[-3]), float(facts.curves.epoch[-1])
        yield _said(
            facts,
            f"The gradient norm is {number(now, 2)}, and the train loss has hardly fallen.",
            f"median of the last three epochs; {number(float(total[0]), 2)} in the first; the loss lost "
            f"{100 * facts.gain:.1f} % of its start",
            (begin, end),
        )


def _by_layer(facts: Facts, rows: list[tuple[float, dict[str, float]]]) -> Suspicion | None:
    known = weights_only(rows[-1][1])
    typical = {name: float(np.median([norms[name] for _, norms in rows if name in norms])) for name in known}
    live = {name: norm for name, norm in typical.items() if np.isfinite(norm) and norm > 0}
    if len(live) < 2:
        return None
    place = (rows[0][0], rows[-1][0])
    names = list(live)
    first, last = names[0], names[-1]
    if live[first] < FIRST_NORM and live[first] < RATIO * live[last]:
        return _said(
            facts,
            f"Almost no gradient reaches `{first}`: its norm is {number(live[first], 2)}, that of "
            f"`{last}` {number(live[last], 2)}.",
            f"medians of the last {len(rows)} epochs; a ratio of {number(live[first] / live[last], 2)}, "
            "the limit is a thousandth",
            place,
            first=live[first],
        )
    tiny = [name for name in names if live[name] < TINY]
    if 2 * len(tiny) >= len(names) and not facts.gain > FELL:
        return _said(
            facts,
            f"{len(tiny)} of {len(names)} layers have gradient norms under 1e-7.",
            f"from `{tiny[0]}` ({number(live[tiny[0]], 2)}) on; medians of the last {len(rows)} epochs",
            place,
        )
    return None


def _said(
    facts: Facts, issue: str, evidence: str, place: tuple[float, float], *, first: float = math.nan
) -> Suspicion:
    """`first`: norm of the first layer, where layers are told apart."""
    accuracy = facts.recent_val_acc if math.isfinite(facts.recent_val_acc) else facts.recent_train_acc
    learned = accuracy >= 0.9 or (not facts.curves.has_accuracy and facts.gain > FELL)
    good = learned and not first < NOTHING
    return Suspicion(
        issue,
        evidence,
        Severity.INFO if good else Severity.WARNING,
        Confidence.POSSIBLE if good else Confidence.LIKELY,
        (*ADVICE, remedies.raise_rate(facts, impact="low")),
        VERIFY,
        (
            "The model has converged: then every layer's gradient is small, and the loss is low.",
            "The first layers are frozen or trained at a rate of their own.",
        ),
        (Evidence("grad_norm", "span", *place, label="vanishing"),),
        place,
    )


CHECK = Check("vanishing-gradients", look)
