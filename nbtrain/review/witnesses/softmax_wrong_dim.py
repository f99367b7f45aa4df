"""A softmax over the samples of a batch."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for one in probe.models:
        if one.independent is False and one.mixing == "softmax":
            yield Problem(
                issue="Softmax runs over the batch, not over the classes",
                current="softmax over dimension 0",
                recommended="dim=-1",
                evidence=(
                    f"the output of `{one.name}` for a sample changed with the other samples, "
                    "and a softmax ran over "
                    "the batch"
                ),
                line=one.line,
                name=one.name,
                fix="torch.softmax(logits, dim=-1)",
            )


WITNESS = Witness("softmax-wrong-dim", Severity.CRITICAL, see)
