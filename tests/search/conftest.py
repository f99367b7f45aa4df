"""A small problem that is learned in a second, in an empty folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def objects() -> dict[str, Any]:
    """Give a model with dropout, its optimizer, and loaders, under the names people use."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    x = torch.randn(96, 4)
    y = (x.sum(1) > 0).long()
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "criterion": nn.CrossEntropyLoss(),
        "train_loader": DataLoader(TensorDataset(x[:64], y[:64]), batch_size=16, shuffle=True),
        "val_loader": DataLoader(TensorDataset(x[64:], y[64:]), batch_size=32),
    }


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in an empty folder, with no run known; end those that the test leaves."""
    from nbtrain.running import active

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(active, "_runs", [])
    yield
    for run in active.alive():
        run.stop()
        run.wait(30)
