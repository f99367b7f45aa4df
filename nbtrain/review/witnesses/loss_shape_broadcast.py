"""A loss that compares every prediction with every target."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for one in probe.of("loss"):
        if "broadcast" not in one.data:
            continue
        if not one.data["broadcast"]:
            yield Fine("predictions and targets had one shape", one.line)
            continue
        shape = one.data["input"]
        yield _problem(one.line, f"the loss was computed over {shape} values, both sides stretched to it")
        return
    table = next((one for one in probe.of("backward") if one.data.get("table")), None)
    if table is not None:
        n = table.data["table"]
        yield _problem(table.line, f"the loss is over a table of {n} x {n} values, the model gave {n}")


def _problem(line: int | None, evidence: str) -> Problem:
    return Problem(
        issue="The loss compares (N, 1) predictions with (N,) targets",
        current="shapes (N, 1) and (N,)",
        recommended="squeeze(-1) on the predictions, or unsqueeze(1) on the targets",
        evidence=evidence,
        line=line,
        fix="loss = criterion(model(x).squeeze(-1), y)",
    )


WITNESS = Witness("loss-shape-broadcast", Severity.CRITICAL, see)
