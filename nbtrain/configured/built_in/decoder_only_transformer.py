"""decoder-only-transformer: a language model: at each position it predicts the next token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbtrain.configured.language.loss import NextTokenLoss
from nbtrain.configured.shape import DataShape
from nbtrain.errors import UsageError


class DecoderOnlyTransformer(nn.Module):
    """Predict each next token.

    Shapes: token ids (batch, positions) -> logits (batch, positions, vocabulary).

    Args:
        vocabulary: token ids. positions: the window, the most positions at once.
        hidden_size, num_layers, num_heads, dropout: of the blocks; each attends to earlier positions alone.
    """

    def __init__(
        self, vocabulary: int, positions: int, *, hidden_size: int = 128, num_layers: int = 2, num_heads:
        int = 4,
        dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embed = nn.Embedding(vocabulary, hidden_size)
        self.place = nn.Parameter(torch.randn(positions, hidden_size) * 0.02)
        layer = nn.TransformerEncoderLayer(
            hidden_size, num_heads, 4 * hidden_size, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(hidden_size), nn.Linear(hidden_size, vocabulary)
        self.window = positions

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (batch, positions, vocabulary)."""
        n = tokens.shape[1]
        later = torch.ones(n, n, dtype=torch.bool, device=tokens.device).triu(1)
        hidden = self.embed(tokens) + self.place[:n]
        return self.head(self.norm(self.blocks(hidden, mask=later, is_causal=True)))


next_token_loss = NextTokenLoss(shift=False)


def build(shape: DataShape, **arguments: object) -> DecoderOnlyTransformer:
    """Return a language model for the data.

    Raises:
        UsageError: the samples are no token ids with the next token as their target.
    """
    if not shape.tokens or not shape.per_token:
        raise UsageError(
            f"The architecture decoder-only-transformer learns the next token of texts, and a sample has "
            f"the shape "
            f"{shape.sample} with one target.",
            suggestion='Give it texts: a .txt file, or .jsonl with {"text": ...} in each line.',
        )
    known = {"vocabulary": shape.vocabulary, "positions": shape.sample[0]}
    return DecoderOnlyTransformer(**{**known, **arguments})
