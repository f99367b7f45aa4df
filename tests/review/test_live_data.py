"""Live objects: loaders, devices, scales, layers and initial weights as the notebook holds them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbtrain.findings import Confidence
from nbtrain.review import review_source


def found(**namespace: Any) -> dict[str, Confidence]:
    return {one.rule: one.confidence for one in review_source(None, namespace=namespace).findings}


def rows(count: int = 64, scale: float = 1.0) -> TensorDataset:
    return TensorDataset(scale * torch.rand(count, 4), torch.zeros(count).long())


def test_good_loaders_are_left_alone() -> None:
    """A shuffled training loader and an ordered validation loader over scaled data raise nothing."""
    train_loader = DataLoader(rows(), batch_size=16, shuffle=True)

    assert found(train_loader=train_loader, val_loader=DataLoader(rows(), batch_size=16)) == {}


def test_a_training_loader_in_order_is_seen() -> None:
    """A live training loader that draws in order is certain, however its name is written; no other one is."""
    loader = DataLoader(rows(), batch_size=16)

    for name in ("train_loader", "trainLoader", "trainloader"):
        assert found(**{name: loader}) == {"train-loader-not-shuffled": Confidence.CERTAIN}
    assert found(train_eval_loader=loader) == {}


def test_time_series_may_come_in_order() -> None:
    """A data set whose class is named for time series is not asked to be shuffled."""

    class PriceSeries(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 10

        def __getitem__(self, index: int) -> int:
            raise AssertionError("the review must not read the person's data set")

    assert found(train_loader=DataLoader(PriceSeries(), batch_size=16)) == {}


def test_a_shuffled_validation_loader_is_a_note() -> None:
    """A live validation loader that shuffles is noticed."""
    val_loader = DataLoader(rows(), batch_size=16, shuffle=True)

    assert found(val_loader=val_loader) == {"validation-loader-shuffled": Confidence.CERTAIN}


def test_raw_values_are_measured() -> None:
    """Live inputs beyond 50 are reported with the largest value that was seen."""
    train_loader = DataLoader(rows(scale=255.0), batch_size=16, shuffle=True)
    (finding,) = review_source(None, namespace={"train_loader": train_loader}).findings

    assert finding.rule == "input-not-normalized"
    assert finding.confidence is Confidence.CERTAIN
    assert "values up to 25" in finding.current


def test_class_weights_on_another_device_are_seen() -> None:
    """A criterion whose weights are on another device than the model is certain."""
    model, criterion = nn.Linear(4, 2), nn.CrossEntropyLoss(weight=torch.ones(2, device="meta"))

    assert found(model=model, criterion=criterion) == {"device-mismatch": Confidence.CERTAIN}
    assert found(model=model, criterion=nn.CrossEntropyLoss(weight=torch.ones(2))) == {}


def test_two_linear_layers_in_a_row_are_seen() -> None:
    """A live Sequential of two Linear layers without an activation is certain; a bottleneck is none."""
    plain = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 8), nn.ReLU())
    latent = nn.Sequential(nn.Linear(8, 2), nn.Linear(2, 8))

    assert found(model=plain) == {"missing-nonlinearity": Confidence.CERTAIN}
    assert found(model=latent) == {}


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_equal_weights_are_seen(value: float) -> None:
    """Live layers whose weights are all one value are certain; one zeroed last layer is left alone."""
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    nn.init.constant_(model[2].weight, value)

    assert set(found(model=model)) == (set() if value == 0.0 else {"constant-weight-init"})

    nn.init.constant_(model[0].weight, value)
    assert found(model=model) == {"constant-weight-init": Confidence.CERTAIN}


def test_a_last_batch_of_one_is_counted() -> None:
    """65 live samples in batches of 16 before BatchNorm1d are critical; drop_last mends it."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    loader = DataLoader(rows(65), batch_size=16, shuffle=True)
    mended = DataLoader(rows(65), batch_size=16, shuffle=True, drop_last=True)

    assert found(model=model, train_loader=loader) == {"last-batch-of-one-with-batchnorm": Confidence.CERTAIN}
    assert found(model=model, train_loader=mended) == {}


def test_batch_statistics_of_two_samples_are_seen() -> None:
    """A live training loader of two samples a batch in front of a live BatchNorm is certain."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loader = DataLoader(rows(), batch_size=2, shuffle=True)

    said = found(model=model, optimizer=optimizer, train_loader=loader)

    assert said["batchnorm-with-tiny-batch"] is Confidence.CERTAIN


def test_a_live_loader_in_the_cells_loop_is_judged() -> None:
    """A training cell whose loader is made in another cell is judged by the live loader."""
    cell = "for x, y in train_loader:\n    pass\n"
    report = review_source(cell, namespace={"train_loader": DataLoader(rows(), batch_size=16)})

    assert "train-loader-not-shuffled" in {one.rule for one in report.findings}
