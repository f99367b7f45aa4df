"""A validation loss that is no number, in a run that still holds its objects."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.utils.data import DataLoader, TensorDataset

import nbtrain


def test_a_validation_loss_that_is_no_number_is_named_live_and_from_disk(tmp_path: Path) -> None:
    """Report and diagnosis of a live run call it nan-loss, as the stored run's do."""
    torch.manual_seed(0)
    x = torch.randn(32, 4)
    y = (x.sum(1) > 0).long()
    bad = x.clone()
    bad[0] = float("nan")
    model = torch.nn.Linear(4, 2)
    run = nbtrain.train(
        model,
        DataLoader(TensorDataset(x, y), 16),
        val=DataLoader(TensorDataset(bad, y), 16),
        optimizer=torch.optim.SGD(model.parameters(), 0.1),
        loss=torch.nn.CrossEntropyLoss(),
        epochs=2,
        dir=tmp_path,
    )
    run.wait()

    stored = nbtrain.load_run(run.dir)
    assert run.diagnose().primary == stored.diagnose().primary == "nan-loss"
    assert [one["rule"] for one in run.report().data["findings"]] == ["nan-loss"]
    assert "none was a number" in run.report().to_markdown()
