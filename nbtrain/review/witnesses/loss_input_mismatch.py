"""NLLLoss of something that is no log-probability."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for one in probe.of("loss"):
        if one.data["trains"] and "unlogged" in one.data:
            if one.data["unlogged"]:
                yield Problem(
                    issue="NLLLoss gets values that are no logarithms of probabilities",
                    current=f"values above 0 into NLLLoss on line {one.line}",
                    recommended="log_softmax before it, or CrossEntropyLoss on raw scores",
                    evidence="what went into the loss had values above 0; a log-probability has none",
                    line=one.line,
                    fix="loss = torch.nn.functional.cross_entropy(logits, y)",
                )
                return
            yield Fine("what went into NLLLoss had no value above 0", one.line)


WITNESS = Witness("loss-input-mismatch", Severity.CRITICAL, see)
