"""Targets that are moved by two tokens."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for one in probe.models:
        if one.shift == 2:
            yield Problem(
                issue="The labels are shifted twice: each token is asked for the one after the next",
                current="targets moved by two positions",
                recommended="one shift: either in the data or in the model",
                evidence="the targets of the first loss were the inputs moved by two positions",
                line=one.line,
                name=one.name,
                fix="labels=input_ids",
            )
        elif one.shift == 1:
            yield Fine("the targets of the first loss were the inputs moved by one position")


WITNESS = Witness("double-label-shift", Severity.CRITICAL, see)
