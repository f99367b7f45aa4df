"""Cross-entropy that gets probabilities."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for one in probe.of("loss"):
        if not one.data["trains"] or "probabilities" not in one.data or "classes" not in one.data:
            continue
        if one.data["probabilities"]:
            yield Problem(
                issue="Cross-entropy gets probabilities; it takes the softmax itself",
                current=f"probabilities into cross-entropy on line {one.line}",
                recommended="raw scores (logits)",
                evidence=(
                    "what went into the loss was between 0 and 1 and summed to 1 for "
                    f"each of {one.data['input'][0]} samples"
                ),
                line=one.line,
                fix="loss = criterion(logits, y)",
            )
            return
        yield Fine("what went into the loss did not sum to 1", one.line)


WITNESS = Witness("softmax-before-cross-entropy", Severity.CRITICAL, see)
