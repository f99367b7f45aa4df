"""Gradients that are clipped while a scaler has them multiplied."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    scaled = False
    for one in probe.of("scale", "unscale", "clip", "optim-step", "overflow"):
        if one.kind == "scale":
            scaled = True
        elif one.kind == "clip" and scaled:
            yield Problem(
                issue="Gradients are clipped before they are unscaled",
                current=f"clip on line {one.line} of scaled gradients (norm {one.data['norm']:.3g})",
                recommended="scaler.unscale_(optimizer) before the clip",
                evidence="between scale() and this clip there was no unscale_()",
                line=one.line,
                fix="scaler.unscale_(optimizer)",
            )
            return
        else:
            scaled = False


WITNESS = Witness("clip-before-unscale", Severity.CRITICAL, see)
