"""A loss from which no gradient reaches the model."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness, own_name


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    runs = [one for one in probe.of("forward") if one.data["trainable"] and not one.data["quiet"]]
    if not runs:
        return
    if probe.ended == "error" and "does not require grad" in probe.error:
        yield _problem(f"backward raised {probe.error}", probe.error_line, "")
    for one in probe.gradients:
        if len(one.none) == one.count > 0 and not one.elsewhere and probe.of("backward"):
            evidence = f"after backward none of the {one.count} parameters of `{one.name}` had a gradient"
            yield _problem(evidence, probe.of("backward")[0].line, one.name)
        elif len(one.none) < one.count:
            yield Fine(f"gradients reached the parameters of `{one.name}`", name=own_name(one.name))


def _problem(evidence: str, line: int | None, name: str) -> Problem:
    return Problem(
        issue="The loss has lost its graph: no gradient reaches the model",
        current="a loss without a graph",
        recommended="compute the loss from the model's output itself",
        evidence=evidence,
        line=line,
        name=name,
        fix="loss = criterion(model(x), y)",
    )


WITNESS = Witness("graph-detached", Severity.CRITICAL, see)
