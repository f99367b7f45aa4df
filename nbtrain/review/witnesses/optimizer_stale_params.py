"""An optimizer whose parameters are not those of the model that runs."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for one in probe.gradients:
        if len(one.none) == one.count > 0 and one.elsewhere:
            step = next((event for event in probe.of("optim-step") if event.name == one.name), None)
            yield Problem(
                issue=f"`{one.name}` holds parameters of another model than the one that trains",
                current=f"{one.count} parameters that no backward reaches",
                recommended="make the optimizer anew for this model",
                evidence=(
                    f"none of the {one.count} parameters of `{one.name}` had a gradient, while "
                    f"{len(one.elsewhere)} of the model that ran had one and are in no optimizer"
                ),
                line=step.line if step is not None else None,
                name=one.name,
                fix=f"{one.name} = type({one.name})(model.parameters(), lr=...)",
            )
        elif len(one.none) < one.count:
            yield Fine(f"gradients reached the parameters of `{one.name}`")


WITNESS = Witness("optimizer-stale-params", Severity.CRITICAL, see)
