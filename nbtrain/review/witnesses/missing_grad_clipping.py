"""Gradients that are clipped after all: by a function that reading could not follow."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    clip = next((one for one in probe.of("clip") if one.data["gradients"]), None)
    if clip is not None:
        place = f" on line {clip.line}" if clip.line else ""
        yield Fine(f"gradients were clipped{place}")


WITNESS = Witness("missing-grad-clipping", Severity.WARNING, see)
