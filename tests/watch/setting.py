"""What the loops of the corpus stand on; `expect` and `trained` are put in by the test that runs them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

__all__ = [
    "DataLoader", "F", "TensorDataset", "X", "Y", "dataset", "net", "nn", "torch", "train_loader",
    "val_loader",
]  # fmt: skip

_made = torch.Generator().manual_seed(3)
X = torch.randn(100, 4, generator=_made)
Y = torch.randint(0, 3, (100,), generator=_made)
dataset = TensorDataset(X, Y)
train_loader = DataLoader(dataset, batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(X[:40] + 0.1, Y[:40]), batch_size=16)


def net(dropout: float = 0.0, *, norm: bool = False) -> nn.Sequential:
    between = [nn.BatchNorm1d(8)] if norm else []
    return nn.Sequential(nn.Linear(4, 8), *between, nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3))
