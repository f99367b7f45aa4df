"""Small real set-ups to train."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def digits(samples: int = 100, classes: int = 3, seed: int = 0) -> TensorDataset:
    """Separable points in 8 dimensions."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, classes, (samples,), generator=generator)
    centres = torch.randn(classes, 8, generator=generator) * 2
    return TensorDataset(centres[targets] + torch.randn(samples, 8, generator=generator), targets)


def loader(samples: int = 100, *, batch_size: int = 16, shuffle: bool = False, **options: Any) -> DataLoader:
    return DataLoader(digits(samples), batch_size=batch_size, shuffle=shuffle, **options)


def net(seed: int = 0, *, dropout: float = 0.0, norm: bool = False) -> nn.Sequential:
    torch.manual_seed(seed)
    layers = [nn.Linear(8, 12), *([nn.BatchNorm1d(12)] if norm else []), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(12, 3))


def twins(**options: Any) -> tuple[nn.Sequential, nn.Sequential]:
    """Two equal models: one to train by hand."""
    model = net(**options)
    return model, copy.deepcopy(model)


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Bit for bit, buffers too."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)
