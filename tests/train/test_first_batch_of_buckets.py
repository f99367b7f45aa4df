"""A first batch that fails only in the rehearsal: batches of somebody's own sampler are tried in the run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

import nbtrain
from nbtrain.train.first_batch import reads_every_sample

LENGTHS = [4, 6] * 8


class Uneven(torch.utils.data.Dataset):
    """Samples of two lengths, of which only equal ones make a batch."""

    def __getitem__(self, index: int) -> Any:
        return torch.ones(LENGTHS[index]), torch.tensor(index % 2)

    def __len__(self) -> int:
        return len(LENGTHS)


class Mean(nn.Module):
    """Classes of samples of any length."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x.mean(1, keepdim=True))


def test_buckets_train(tmp_path: Any) -> None:
    """A loader whose own batch sampler puts equal lengths together starts, and trains to its end."""
    buckets = [[i for i, length in enumerate(LENGTHS) if length == size] for size in (4, 6)]
    loader, model = DataLoader(Uneven(), batch_sampler=buckets), Mean()
    run = nbtrain.train(
        model, loader, val=False, loss=nn.CrossEntropyLoss(), epochs=1, log="json", dir=tmp_path,
        optimizer=torch.optim.SGD(model.parameters(), 0.1),
    )  # fmt: skip
    run.wait(60)

    assert str(run.status) == "completed"


@pytest.mark.parametrize(
    ("loader", "expected"),
    [
        (lambda data: DataLoader(data, 4, shuffle=True), True),
        (lambda data: DataLoader(data, 4), True),
        (lambda data: DataLoader(data, 4, sampler=RandomSampler(data, replacement=True)), False),
        (lambda data: DataLoader(data, batch_sampler=[[0, 2], [1, 3]]), False),
    ],
    ids=["shuffled", "in order", "some drawn", "own batches"],
)
def test_what_a_run_is_sure_to_meet(loader: Any, expected: bool) -> None:
    """Only where every sample comes, batched as in the rehearsal, is a failure there one of the run."""
    data = TensorDataset(torch.zeros(8, 2), torch.zeros(8))

    assert reads_every_sample(loader(data)) is expected
