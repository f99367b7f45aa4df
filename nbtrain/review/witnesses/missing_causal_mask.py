"""A next-token model whose earlier outputs change with a later token."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.review.probe.seen import ProbeFacts
from nbtrain.review.rule import Problem
from nbtrain.review.witness import Fine, Witness


def see(probe: ProbeFacts) -> Iterator[Problem | Fine]:
    for one in probe.models:
        if one.causal is False and one.shift == 1:
            yield Problem(
                issue="The next token is predicted without a causal mask: attention sees the answer",
                current="earlier outputs depend on later tokens",
                recommended="is_causal=True, or a triangular mask",
                evidence=(
                    f"with another last token the outputs of `{one.name}` at earlier "
                    "positions changed, and the "
                    "targets are the inputs moved by one"
                ),
                line=one.line,
                name=one.name,
                fix="mask = nn.Transformer.generate_square_subsequent_mask(x.size(1))",
            )
        elif one.causal and one.shift == 1:
            yield Fine(f"the outputs of `{one.name}` at earlier positions stay when the last token changes")


WITNESS = Witness("missing-causal-mask", Severity.CRITICAL, see)
