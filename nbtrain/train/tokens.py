"""Losses that are means over tokens: how much a batch counts, perplexity, and the tokens read a second.

A batch of texts has more or fewer tokens to predict than another, so the mean over batches is not the mean
over tokens. A criterion that says how many it counts is weighed by that: over the batches of a validation,
over the micro-batches of an accumulated step, and over the pieces of a batch that did not fit into memory.
"""

from __future__ import annotations

import math
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class TokenMean(Protocol):
    """What a criterion offers beside `(output, target)` when its loss is a mean over tokens, in nats."""

    def counted(self, batch: Any) -> int:
        """Return how many tokens of a batch are predicted. The batch is as the loader gives it."""

    def tokens(self, batch: Any) -> int:
        """Return how many tokens of a batch the model reads, filling left out."""


def token_mean(criterion: Any) -> TokenMean | None:
    """Return the criterion where it is a mean over tokens, else None."""
    return criterion if isinstance(criterion, TokenMean) else None


def perplexity(loss: float) -> float:
    """Return exp(loss): among how many equally likely tokens the model is left to choose.

    Source: Jelinek et al. 1977. Infinite where the loss is too large for a float (above 709).
    """
    return math.exp(loss) if loss < 709.0 else math.inf if loss == loss else loss
