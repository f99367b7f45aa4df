"""A notebook's namespace as a person builds it, cell by cell, for the tests of what is found in it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    """A small classifier of the person's own."""

    def __init__(self, width=4):
        super().__init__()
        self.body = nn.Linear(width, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


def data(length=40):
    return TensorDataset(torch.randn(length, 4), torch.arange(length) % 3)


def notebook(**more):
    """The variables after the usual cells: imports, data, model, optimizer, loss."""
    model = Net()
    train_set, val_set = data(40), data(16)
    return {
        "torch": torch,
        "nn": nn,
        "Net": Net,
        "DataLoader": DataLoader,
        "train_set": train_set,
        "val_set": val_set,
        "train_loader": DataLoader(train_set, batch_size=8, shuffle=True),
        "val_loader": DataLoader(val_set, batch_size=8),
        "model": model,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "criterion": nn.CrossEntropyLoss(),
        "epochs": 5,
        **more,
    }


@pytest.fixture
def nb():
    """What the tests build notebooks with: `nb.notebook()`, `nb.Net`, `nb.data`."""
    return SimpleNamespace(notebook=notebook, Net=Net, data=data)
