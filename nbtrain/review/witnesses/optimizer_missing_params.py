"""Parameters with gradients that no optimizer updates."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for one in probe.gradients:
        if one.elsewhere and len(one.none) < one.count:
            shown = ", ".join(one.elsewhere[:4]) + (" ..." if len(one.elsewhere) > 4 else "")
            yield Problem(
                issue=f"`{one.name}` leaves out parameters that get gradients: {shown}",
                current=f"{len(one.elsewhere)} tensors in no optimizer",
                recommended="give the optimizer all parameters that train, or freeze the others",
                evidence=(
                    f"after two steps {len(one.elsewhere)} trainable tensors had "
                    "gradients and were in no optimizer"
                ),
                name=one.name,
                fix=f"{one.name} = type({one.name})(model.parameters(), lr=...)",
            )


WITNESS = Witness("optimizer-missing-params", Severity.CRITICAL, see)
