"""BCE with logits that gets what a sigmoid gave."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for one in probe.of("loss"):
        if not one.data["trains"] or "probabilities" not in one.data or "classes" in one.data:
            continue
        if one.data["probabilities"]:
            yield Problem(
                issue="BCE with logits gets what a sigmoid gave; it takes the sigmoid itself",
                current=f"a sigmoid's output into the loss on line {one.line}",
                recommended="raw scores (logits)",
                evidence="the tensor that went into the loss came out of a sigmoid",
                line=one.line,
                fix="loss = criterion(logits, y)",
            )
            return


WITNESS = Witness("sigmoid-before-bce-with-logits", Severity.CRITICAL, see)
