"""Some classes are learned, others are given up.

What it does
    Where per-class numbers exist: sizes of classes that differ by more than ten times (SageMaker Debugger),
    or a class whose accuracy in the last epoch is under 30 % (its misprediction limit of 0.7) while the
    mean over the classes is 25 points or more above it. Read are objects such as `class_counts` and
    `per_class_acc`, and columns such as `val_acc_class_3` or `val_recall_cat`.

Why it hurts
    The accuracy of all looks good because the frequent classes are; the rare ones are what one wants.

What to do
    Weights in the loss, a balancing sampler, a stratified split; the mean over classes as the metric.

When to ignore
    The rare class is noise, or its errors cost nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nbtrain.diagnose.check import Check, Evidence, Gap, Recommendation, Suspicion
from nbtrain.diagnose.facts import Facts
from nbtrain.findings import Confidence, Severity

RATIO = 10.0
GIVEN_UP = 0.30
BELOW_MEAN = 0.25
COLUMN = re.compile(
    r"^(?:val_|valid_|eval_)?(?:acc|accuracy|recall|f1)_(?:class_|cls_)?(?P<name>.+)$|^(?:class|cls)_(?P<other>.+)_(?:acc|accuracy|recall)$"
)
VERIFY = "The accuracy of the rarest class must rise; the mean over the classes is the number to compare."
ADVICE = (
    Recommendation(
        "Weights in the loss: `CrossEntropyLoss(weight=...)`, inverse to the classes' frequency.",
        "high",
        "low",
        "low",
        "the rare classes' accuracy rises, the frequent ones' falls a little",
        {"class_weights": "balanced"},
    ),
    Recommendation(
        "A WeightedRandomSampler that draws the classes equally often.",
        "high",
        "low",
        "medium",
        "each batch holds all classes; rare samples are seen often",
        {"sampler": "balanced"},
    ),
    Recommendation(
        "More samples of the rare classes, or augmentation for them alone.",
        "high",
        "high",
        "low",
        "what weights cannot give: new cases",
    ),
    Recommendation(
        "The mean over classes (balanced accuracy, macro F1) as the metric to stop and to choose by.",
        "medium",
        "low",
        "low",
        "the number shows what is wanted",
    ),
)


def look(facts: Facts) -> Iterator[Suspicion | Gap]:
    counts, scores = _counts(facts), _scores(facts)
    if not counts and not scores:
        yield Gap("no numbers by class (such as `class_counts` or `per_class_acc`)")
        return
    given_up = None
    if len(scores) > 1:
        worst = min(scores, key=scores.__getitem__)
        mean = float(np.mean(list(scores.values())))
        if round(scores[worst], 6) < GIVEN_UP and round(mean - scores[worst], 6) >= BELOW_MEAN:
            given_up = worst
    ratio = max(counts.values()) / max(min(counts.values()), 1e-9) if len(counts) > 1 else 0.0
    if given_up is None and ratio <= RATIO:
        return
    parts = []
    if given_up is not None:
        low = sum(score < GIVEN_UP for score in scores.values())
        parts.append(
            f"class `{given_up}` {100 * scores[given_up]:.0f} %, the mean of {len(scores)} classes "
            f"{100 * float(np.mean(list(scores.values()))):.0f} %; {low} below 30 %"
        )
    if ratio > RATIO:
        rare, often = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
        parts.append(
            f"`{often}` has {counts[often]:,.0f} samples, `{rare}` {counts[rare]:,.0f}: {ratio:.0f} "
            "times as many"
        )
    harmless = given_up is None and len(scores) > 1
    issue = (
        f"Class `{given_up}` is given up."
        if given_up is not None
        else f"The classes' sizes differ {ratio:.0f} times."
    )
    place = (float(facts.curves.epoch[-1]),) * 2 if len(facts.curves.epoch) else None
    yield Suspicion(
        issue,
        "; ".join(parts),
        Severity.INFO if harmless else Severity.WARNING,
        Confidence.POSSIBLE if harmless else Confidence.LIKELY,
        ADVICE,
        VERIFY,
        ("Wrong labels in the rare class.", "A class that cannot be told from another with these inputs."),
        (Evidence("accuracy", "span", *place, label=issue),) if place else (),
        place,
    )


def _numbers(value: Any) -> dict[str, float]:
    items = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    )
    return {str(k): float(v) for k, v in items if isinstance(v, (int, float)) and not isinstance(v, bool)}


def _nested(facts: Facts, *words: str) -> dict[str, float]:
    """Return the newest object of numbers whose column's name holds "class" and one of the words."""
    for name, rows in facts.history.nested.items():
        lower = name.lower()
        if "class" in lower and any(word in lower for word in words) and not lower.startswith("train_"):
            found = _numbers(rows[-1][1])
            if found:
                return found
    return {}


def _counts(facts: Facts) -> dict[str, float]:
    return _nested(facts, "count", "size", "samples", "support")


def _scores(facts: Facts) -> dict[str, float]:
    found = _nested(facts, "acc", "recall", "f1")
    if not found:
        for name in map(str, facts.history.epochs):
            match = COLUMN.match(name)
            values = facts.history.column(name)
            if match and np.isfinite(values).any():
                found[match["name"] or match["other"]] = float(values[np.isfinite(values)][-1])
        found = found if len(found) > 1 else {}
    return {k: v / 100 for k, v in found.items()} if found and max(found.values()) > 1.5 else found


CHECK = Check("class-imbalance", look)
