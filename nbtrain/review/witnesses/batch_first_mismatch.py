"""A sequence layer that takes samples for time steps."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness

LAYERS = ("RNN", "LSTM", "GRU", "MultiheadAttention")


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for one in probe.models:
        if one.independent is False and one.mixing in LAYERS:
            yield Problem(
                issue=f"{one.mixing} of `{one.name}` takes the batch for time",
                current="batch_first is left at False",
                recommended="batch_first=True",
                evidence=(
                    f"in eval mode the output of `{one.name}` for a sample changed with the "
                    "other samples, and its "
                    f"{one.mixing} is not batch-first"
                ),
                line=one.line,
                name=one.name,
                fix=f"nn.{one.mixing}(..., batch_first=True)",
            )
        elif one.independent:
            yield Fine(f"the output of `{one.name}` for a sample stays when the other samples change")


WITNESS = Witness("batch-first-mismatch", Severity.CRITICAL, see)
