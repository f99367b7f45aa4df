"""Dropout that draws in eval mode."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for one in probe.models:
        if one.repeats is False and one.random_op == "dropout":
            yield Problem(
                issue=f"Dropout of `{one.name}` stays on in eval mode",
                current="dropout that does not look at the mode",
                recommended="nn.Dropout made in __init__, or training=self.training",
                evidence=(
                    f"two passes of `{one.name}` over one batch in eval mode differed, and dropout was drawn"
                ),
                line=one.line,
                name=one.name,
                fix="torch.nn.functional.dropout(x, p, training=self.training)",
            )
        elif one.repeats:
            yield Fine(f"two passes of `{one.name}` over one batch in eval mode agree")


WITNESS = Witness("dropout-always-on", Severity.CRITICAL, see)
