"""Several whole losses in one step."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    names = {one.name for one in probe.of("optim-step")}
    if len(names) != 1:
        return
    step = probe.of("optim-step")[:2][-1]  # the second, where there is one: by then its optimizer is known
    before = [one for one in probe.of("backward") if one.step == step.step and not one.data["within"]]
    if len(before) < 2 or len({one.line for one in before}) > 1:
        return
    means = [one for one in probe.of("loss") if one.data["trains"] and one.step == step.step]
    if all(one.data["whole"] for one in before) and means and all(one.data["mean"] for one in means):
        if step.data["written"]:
            return  # the gradients were changed after the last backward: they may be divided there
        yield Problem(
            issue=f"The loss is not divided by the {len(before)} batches that are accumulated",
            current=f"{len(before)} times backward() of a whole mean loss",
            recommended=f"(loss / {len(before)}).backward()",
            evidence=f"{len(before)} mean losses went into one step as they came, each undivided",
            line=before[0].line,
            name=step.name,
            fix=f"(loss / {len(before)}).backward()",
        )
    elif not any(one.data["whole"] for one in before):
        yield Fine("no loss went into backward as it came out of the criterion")


WITNESS = Witness("accumulation-unscaled-loss", Severity.CRITICAL, see)
