"""Gradients that are clipped when there are none, or after the step that used them."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import Happening, ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    fresh = False  # a backward has run since the last step
    wrong: Happening | None = None
    right = False
    for one in probe.of("backward", "optim-step", "clip"):
        if one.kind == "clip":
            right = right or fresh
            wrong = wrong if fresh else wrong or one
        else:
            fresh = one.kind == "backward"
    if wrong is not None and not right:
        yield Problem(
            issue="Gradients are clipped where it has no effect",
            current=f"clip on line {wrong.line}, not between backward and step",
            recommended="clip after backward() and before step()",
            evidence=(
                "each clip came before the backward of its step, or after the step that used the gradients"
            ),
            line=wrong.line,
            fix="loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step()",
        )
    elif right and wrong is None:
        yield Fine("each clip came between a backward and its step")


WITNESS = Witness("clip-misplaced", Severity.CRITICAL, see)
