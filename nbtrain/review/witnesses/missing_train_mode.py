"""A model that trains while its dropout and normalisation are in eval mode."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for name in dict.fromkeys(one.name for one in probe.of("forward")):
        first = next(one for one in probe.of("forward") if one.name == name)
        if first.data["quiet"] or not first.data["trainable"] or first.data["training"]:
            continue
        if first.data["resting"]:
            yield Problem(
                issue=f"`{name}` trains in eval mode",
                current=f"`{name}` is in eval mode on line {first.line}",
                recommended=f"{name}.train() before the training batches",
                evidence=(
                    f"in the first training forward `{name}` was in eval mode, and so were its "
                    f"{', '.join(first.data['resting'])}"
                ),
                line=first.line,
                name=name,
                fix=f"{name}.train()",
            )


WITNESS = Witness("missing-train-mode", Severity.CRITICAL, see)
