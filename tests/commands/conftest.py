"""A small set-up to give commands, and a kernel-less record of runs that each test begins empty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def objects() -> dict[str, Any]:
    """Give a model, its optimizer, a criterion and two loaders under the names people use."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    x = torch.randn(64, 4)
    y = (x.sum(1) > 0).long()
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    return {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "criterion": nn.CrossEntropyLoss(),
        "train_loader": DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True),
        "val_loader": DataLoader(TensorDataset(x[:16].clone(), y[:16].clone()), batch_size=16),
    }


@pytest.fixture(autouse=True)
def no_runs_yet(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in an empty folder, with no run known; end those that the test leaves."""
    from nbtrain.running import active

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(active, "_runs", [])
    yield
    for run in active.alive():
        run.stop()
        run.wait(30)
