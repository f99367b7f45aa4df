"""The hash of the data in a run's manifest: equal for equal samples, another for any other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, TensorDataset

import nbtrain
from nbtrain.train import data_hash
from nbtrain.train.data_hash import data_sha256


def tensors(*, changed: bool = False) -> TensorDataset:
    x = torch.arange(24.0).reshape(8, 3)
    if changed:
        x[7, 2] += 1e-6
    return TensorDataset(x, torch.arange(8) % 2)


class Images(Dataset):
    """A data set in the form of torchvision's."""

    def __init__(self, value: int) -> None:
        self.data, self.targets = np.full((4, 2, 2), value, dtype=np.uint8), [0, 1, 0, 1]

    def __getitem__(self, index: int) -> Any:
        return torch.rand(2, 2), self.targets[index]

    def __len__(self) -> int:
        return 4


FORMS = {
    "tensors": lambda changed: tensors(changed=changed),
    "subset": lambda changed: Subset(tensors(), [0, 1, 3 if changed else 2]),
    "joined": lambda changed: ConcatDataset([tensors(), tensors(changed=changed)]),
    "images": lambda changed: Images(int(changed)),
    "batches": lambda changed: [{"x": torch.ones(2, 3) + changed, "name": "a"}],
    "samples": lambda changed: [(torch.zeros(3), 1), (torch.zeros(3), 1 + changed)],
}


@pytest.mark.parametrize("form", FORMS)
def test_equal_data_has_one_hash(form: str) -> None:
    """The same samples made twice have one hash, whatever the loader; one other value makes another."""
    make = FORMS[form]
    known = data_sha256(DataLoader(make(False), batch_size=2, shuffle=True))

    assert known is not None and len(known) == 64
    assert data_sha256(DataLoader(make(False), batch_size=4)) == known
    assert data_sha256(DataLoader(make(True), batch_size=2)) != known


def test_what_cannot_be_read_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that is made when asked for, and more data than is read in a moment, have no hash."""

    class Made(Dataset):
        def __getitem__(self, index: int) -> Any:
            raise AssertionError("asked for a sample")

    monkeypatch.setattr(data_hash, "MOST_BYTES", 100)

    assert data_sha256(DataLoader(Made(), batch_size=2, sampler=[0])) is None
    assert data_sha256(x for x in ()) is None
    assert data_sha256(DataLoader(tensors())) is None


@pytest.mark.parametrize("odd", ["csr", "meta", "paths", "itself"])
def test_odd_data_is_no_error(odd: str) -> None:
    """What torch cannot view, names of files and a list that holds itself have no hash, and raise nothing."""
    paths = Images(0)
    paths.data = ["a.png", "b.png", "c.png", "d.png"]
    endless: list[Any] = []
    endless.append(endless)
    of = {"csr": torch.eye(3).to_sparse_csr(), "meta": torch.empty(3, device="meta"), "paths": paths,
          "itself": endless}[odd]  # fmt: skip

    assert data_sha256(of) is None


def test_the_manifest_holds_it(tmp_path: Path) -> None:
    """A run's manifest has the hash of its training and validation data."""
    model, train, val = nn.Linear(3, 2), DataLoader(tensors(), 4), DataLoader(tensors(changed=True), 4)
    run = nbtrain.train(
        model, train, val=val, loss=nn.CrossEntropyLoss(), optimizer=torch.optim.SGD(model.parameters(), 0.1),
        epochs=1, log="json", dir=tmp_path,
    )  # fmt: skip
    run.wait(60)

    kept = json.loads((run.dir / "manifest.json").read_text())["dataset"]["sha256"]
    assert kept == data_sha256(train, val) != data_sha256(train, train)
