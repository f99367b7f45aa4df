"""`--probe --sanity`: can one batch be learned, do the labels matter; on copies, and all is put back."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nbtrain
from nbtrain.errors import UsageError
from nbtrain.review import review_source
from nbtrain.review.probe import sanity
from nbtrain.review.probe.proof import fingerprints

CELL = """\
for epoch in range(2):
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        warmup.step()
    model.eval()
    with torch.no_grad():
        for x, y in val_loader:
            model(x)
    model.train()
"""


def test_both_experiments_learn_and_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set-up that works learns its batch in spite of a long warm-up, needs its labels, and is as it was."""
    monkeypatch.setattr(sanity, "STEPS", 40)
    monkeypatch.setattr(sanity, "LABELLED_STEPS", 40)
    torch.manual_seed(0)
    x = torch.randn(256, 8)
    data = TensorDataset(x, (x[:, 0] > 0).long())
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-2)
    names = {
        "torch": torch, "nn": nn, "model": model, "optimizer": optimizer,
        "warmup": torch.optim.lr_scheduler.LinearLR(optimizer, 0.001, total_iters=10_000),
        "loader": DataLoader(data, batch_size=32, shuffle=True),
        "val_loader": DataLoader(data, batch_size=64),
    }  # fmt: skip
    before, drawn = fingerprints(names, list(names)), torch.get_rng_state()

    review = review_source(CELL, namespace=names, probe=True, sanity=True)
    seen = review.to_dict()["probe"]

    assert seen["one_batch"]["steps"] == 40
    assert seen["one_batch"]["last"] < 0.5 * seen["one_batch"]["first"]
    assert seen["labels"]["shuffled"] > seen["labels"]["last"] + 0.2
    assert not {"cannot-overfit-one-batch", "labels-without-effect"} & {one.rule for one in review.findings}
    assert "40 steps on the first batch" in review.to_markdown()
    assert fingerprints(names, list(names)) == before and torch.equal(torch.get_rng_state(), drawn)
    assert not seen["changed"] and "model" in seen["verified"]
    assert "_nbtrain_batch" not in vars(names["loader"])


def test_sanity_needs_a_probe() -> None:
    """Without a probe nothing is run, and the call says what is missing."""
    with pytest.raises(UsageError, match="probe=True"):
        nbtrain.review(CELL, sanity=True)
