"""Gradients of one step that are still there in the next."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness, own_name


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for name in dict.fromkeys(one.name for one in probe.of("optim-step")):
        steps = [one for one in probe.of("optim-step") if one.name == name]
        second = next((one for one in steps if one.data["uncleared"]), None)
        if second is not None:
            before = [one for one in probe.of("backward") if one.step <= second.step]
            yield Problem(
                issue=f"Gradients of `{name}` are never cleared: each step adds those of all steps before",
                current="backward() and step(), no zero_grad()",
                recommended=f"{name}.zero_grad() once a step",
                evidence=f"the gradients of the first step were still there when `{name}` took its second",
                line=before[-1].line if before else second.line,
                name=name,
                fix=f"{name}.zero_grad()",
            )
        elif len(steps) > 1 and any(one.data["cleared"] for one in steps[1:]):
            why = f"the gradients of `{name}` were gone before its second step's backward"
            yield Fine(why, name=own_name(name))


WITNESS = Witness("missing-zero-grad", Severity.CRITICAL, see)
