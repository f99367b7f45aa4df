"""mlp: fully connected layers over the flattened sample."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn

from nbtrain.configured.shape import DataShape


class MLP(nn.Module):
    """Map samples to outputs through hidden layers with ReLU.

    Shapes: inputs (batch, ...) flattened to (batch, features) -> (batch, outputs).

    Args:
        features: numbers in a sample. outputs: classes, or numbers predicted.
        hidden_size: width of each hidden layer. num_layers: how many. dropout: after each of them.
    """

    def __init__(
        self,
        features: int,
        outputs: int,
        *,
        hidden_size: int = 128,
        num_layers: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        widths = [features, *[hidden_size] * num_layers]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (batch, outputs)."""
        return self.layers(inputs.float())


def build(shape: DataShape, **arguments: object) -> MLP:
    """Return an MLP for the data."""
    known = {"features": math.prod(shape.sample), "outputs": shape.outputs}
    return MLP(**{**known, **arguments})
