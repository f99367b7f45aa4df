"""transformer-classifier: an encoder over tokens or vectors, averaged, then classified."""

from __future__ import annotations

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
        positions: the most in a sequence. outputs: classes, or numbers predicted.
        vocabulary: token ids; 0 for vectors, which have `features` numbers.
        hidden_size, num_layers, num_heads, dropout: of the encoder.
    """

    def __init__(
        self, positions: int, outputs: int, *, vocabulary: int = 0, features: int = 0, hidden_size: int = 128,
        num_layers: int = 2, num_heads: int = 4, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embed = (
            nn.Embedding(vocabulary, hidden_size, padding_idx=PADDING)
            if vocabulary
            else nn.Linear(features, hidden_size)
        )
        self.place = nn.Parameter(torch.randn(positions, hidden_size) * 0.02)
        layer = nn.TransformerEncoderLayer(
            hidden_size, num_heads, 4 * hidden_size, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(hidden_size), nn.Linear(hidden_size, outputs)
        self.vocabulary = vocabulary

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (batch, outputs)."""
        absent = inputs == PADDING if self.vocabulary else None
        if absent is not None:
            absent = absent & ~absent.all(1, keepdim=True)  # an empty text attends to its padding
        hidden = self.embed(inputs if self.vocabulary else inputs.float()) + self.place[: inputs.shape[1]]
        hidden = self.norm(self.encoder(hidden, src_key_padding_mask=absent))
        if absent is None:
            return self.head(hidden.mean(1))
        there = (~absent).unsqueeze(-1).to(hidden.dtype)
        return self.head((hidden * there).sum(1) / there.sum(1))


def build(shape: DataShape, **arguments: object) -> TransformerClassifier:
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
    known = {"positions": shape.sample[0], "outputs": shape.outputs, "vocabulary": shape.vocabulary}
    if not shape.tokens:
        known["features"] = shape.sample[1]
    return TransformerClassifier(**{**known, **arguments})
