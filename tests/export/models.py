"""Models and batches for tests of export: small, of the kinds that people export, and some that cannot be."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

CLASSES = 5


class ConvNet(nn.Module):
    """Convolutions with batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(6 * 4 * 4, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.pool(self.features(images)).flatten(1))


class UNet(nn.Module):
    """Down and up again, with group normalisation and a skip connection: an image of logits."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.down, self.inner, self.up = (
            nn.Sequential(nn.Conv2d(many, few, 3, padding=1), nn.GroupNorm(2, few), nn.SiLU())
            for many, few in ((1, width), (width, 2 * width), (3 * width, width))
        )
        self.larger = nn.Upsample(scale_factor=2, mode="bilinear")
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        fine = self.down(images)
        coarse = self.larger(self.inner(nn.functional.max_pool2d(fine, 2)))
        return self.head(self.up(torch.cat([coarse, fine], 1)))


class Recurrent(nn.Module):
    """An LSTM over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 8)
        self.lstm = nn.LSTM(8, 12, batch_first=True)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.lstm(self.table(ids))[0][:, -1])


class Encoder(nn.Module):
    """A transformer encoder over padded tokens, with two inputs by name and two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, ids: Tensor, padding: Tensor) -> dict[str, Tensor]:
        hidden = self.encoder(self.table(ids), src_key_padding_mask=padding)
        hidden = hidden.masked_fill(padding[:, :, None], 0.0)
        return {"logits": self.head(hidden.sum(1)), "hidden": hidden}


class Placed(nn.Module):
    """Has a table of 16 positions, which limits the length."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 8)
        self.places = nn.Parameter(torch.randn(16, 8))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head((self.table(ids) + self.places[: ids.shape[1]]).mean(1))


class Branching(nn.Module):
    """Decides by the values of a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        if inputs.sum() > 0:
            return self.inner(inputs)
        return inputs


class Spectral(nn.Module):
    """Uses an operator that ONNX does not have."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + torch.linalg.eigh(inputs.T @ inputs)[0]


class FixedBatch(nn.Module):
    """Writes the batch size into a view."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.view(8, 2, 2).flatten(1) * 2


def mlp() -> nn.Module:
    """Return an MLP over 4 numbers."""
    torch.manual_seed(0)
    layers = (nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, CLASSES))
    return nn.Sequential(*layers)


def batches(kind: str = "numbers", sizes: tuple[int, ...] = (8, 8, 3)) -> list[Any]:
    """Return batches: numbers (4), images (1, 8, 8), tokens (6), padded (mappings of differing lengths)."""
    draw = torch.Generator().manual_seed(1)
    made: list[Any] = []
    for turn, n in enumerate(sizes):
        target = torch.randint(CLASSES, (n,), generator=draw)
        if kind == "padded":
            length = 5 + turn % 2
            ids = torch.randint(30, (n, length), generator=draw)
            padding = torch.arange(length).expand(n, length) >= length - 1
            made.append({"ids": ids, "padding": padding, "labels": target})
        elif kind == "tokens":
            made.append((torch.randint(30, (n, 6), generator=draw), target))
        else:
            shape = (1, 8, 8) if kind == "images" else (4,)
            inputs = torch.randn(n, *shape, generator=draw)
            made.append((inputs, inputs.flatten(1)[:, :CLASSES].argmax(1)))  # to be learned
    return made


def taught(model: nn.Module, data: list[Any], steps: int = 100) -> nn.Module:
    """Return the model after it has learned its batches, so that its classes are no near ties."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for turn in range(steps):
        inputs, target = data[turn % len(data)]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), target).backward()
        optimizer.step()
    return model
