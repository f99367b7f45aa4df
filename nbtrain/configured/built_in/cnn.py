"""cnn: convolutions over images, halved at each layer, then averaged."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from nbtrain.configured.shape import DataShape
from nbtrain.errors import UsageError


class CNN(nn.Module):
    """Map images to outputs.

    Shapes: images (batch, channels, height, width), or (batch, height, width) with one channel -> (batch,
    outputs). Each layer doubles the channels, and halves height and width while they are above 1.

    Args:
        channels: of an image. outputs: classes, or numbers predicted.
        hidden_size: channels of the first layer. num_layers: convolutions. dropout: before the output.
    """

    def __init__(
        self, channels: int, outputs: int, *, hidden_size: int = 32, num_layers: int = 3, dropout: float = 0.0
    ) -> None:
        super().__init__()
        widths = [channels, *(hidden_size * 2**depth for depth in range(num_layers))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.head = nn.Linear(widths[-1], outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Return (batch, outputs)."""
        images = images.float()
        return self.head(self.features(images.unsqueeze(1) if images.dim() == 3 else images))


def build(shape: DataShape, **arguments: object) -> CNN:
    """Return a CNN for the data.

    Raises:
        UsageError: the samples are no images.
    """
    if len(shape.sample) not in (2, 3):
        raise UsageError(
            f"The architecture cnn takes images (channels, height, width), and a sample has the shape "
            f"{shape.sample}.",
            suggestion="Use mlp, or give the data the shape of images.",
        )
    channels = shape.sample[0] if len(shape.sample) == 3 else 1
    return CNN(**{"channels": channels, "outputs": shape.outputs, **arguments})
