"""A scheduler that moves before the first optimizer step."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for name in dict.fromkeys(one.name for one in probe.of("sched-step")):
        first = next(one for one in probe.of("sched-step") if one.name == name)
        after = any(one.name == first.data["of"] for one in probe.of("optim-step"))
        if first.step == 0 and after:
            yield Problem(
                issue=f"`{name}` steps before its optimizer",
                current=f"{name}.step() on line {first.line} before {first.data['of']}.step()",
                recommended="the scheduler's step after the optimizer's",
                evidence=f"`{name}` had stepped before `{first.data['of']}` took its first step",
                line=first.line,
                name=name,
                fix=f"{first.data['of']}.step(); {name}.step()",
            )
        elif after:
            yield Fine(f"`{name}` first stepped after its optimizer")


WITNESS = Witness("scheduler-before-optimizer-step", Severity.WARNING, see)
