"""transformer-classifier: an encoder over tokens or vectors, averaged, then classified."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.configured.shape import DataShape
from nbtrain.errors import UsageError

PADDING = 0  # the id of positions that are not there


class TransformerClassifier(nn.Module):
    """Map sequences to outputs.

    Shapes: token ids (batch, positions), 0 where there is none, or vectors (batch, positions, features) ->
    (batch, outputs).

    Args:
        embed: makes a vector of a token (an Embedding) or of the numbers at a position (a Linear).
        positions: the most in a sequence. outputs: classes, or numbers predicted.
        num_layers, num_heads, dropout: of the encoder.
    """

    def __init__(
        self, embed: nn.Embedding | nn.Linear, positions: int, outputs: int, *, num_layers: int = 2,
        num_heads: int = 4, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embed, self.of_tokens = embed, isinstance(embed, nn.Embedding)
        hidden_size = embed.embedding_dim if isinstance(embed, nn.Embedding) else embed.out_features
        self.place = nn.Parameter(torch.randn(positions, hidden_size) * 0.02)
        layer = nn.TransformerEncoderLayer(
            hidden_size, num_heads, 4 * hidden_size, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(hidden_size), nn.Linear(hidden_size, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (batch, outputs)."""
        absent = inputs == PADDING if self.of_tokens else None
        if absent is not None:
            absent = absent & ~absent.all(1, keepdim=True)  # an empty text attends to its padding
        hidden = self.embed(inputs if self.of_tokens else inputs.float()) + self.place[: inputs.shape[1]]
        hidden = self.norm(self.encoder(hidden, src_key_padding_mask=absent))
        if absent is None:
            return self.head(hidden.mean(1))
        there = (~absent).unsqueeze(-1).to(hidden.dtype)
        return self.head((hidden * there).sum(1) / there.sum(1))


def build(shape: DataShape, **arguments: Any) -> TransformerClassifier:
    """Return a classifier for the data.

    Raises:
        UsageError: the samples are no sequences.
    """
    if len(shape.sample) != (1 if shape.tokens else 2):
        raise UsageError(
            f"The architecture transformer-classifier takes token ids (positions,) or vectors (positions, "
            f"features), and a sample has the shape {shape.sample}.",
            suggestion="Use mlp or cnn, or give the data the shape of sequences.",
        )
    width = int(arguments.pop("hidden_size", 128))
    vocabulary = int(arguments.pop("vocabulary", shape.vocabulary))
    embed = nn.Embedding(vocabulary, width, padding_idx=PADDING) if shape.tokens else nn.Linear(
        shape.sample[-1], width
    )  # fmt: skip
    return TransformerClassifier(
        **{"embed": embed, "positions": shape.sample[0], "outputs": shape.outputs, **arguments}
    )
