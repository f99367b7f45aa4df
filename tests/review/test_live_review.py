"""Reviews of what the notebook really holds, with real torch objects."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbtrain.review import review_source

STEP = """\
for x, y in train_loader:
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
"""


def data(samples: int = 100) -> TensorDataset:
    return TensorDataset(torch.zeros(samples, 4), torch.zeros(samples, dtype=torch.long))


def held(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: int = 32, **more: object
) -> dict[str, object]:
    loader = DataLoader(data(), batch_size=batch, shuffle=True)
    return {
        "model": model,
        "optimizer": optimizer,
        "train_loader": loader,
        "criterion": nn.CrossEntropyLoss(),
        **more,
    }


def rules(source: str | None, namespace: dict[str, object]) -> list[str]:
    return [one.rule for one in review_source(source, namespace=namespace).findings]


def test_live_settings_are_reviewed_without_a_source() -> None:
    """With no source the objects themselves are judged, surely, and what a loop would show is a gap."""
    model = nn.LSTM(4, 4)
    names = held(model, torch.optim.Adam(model.parameters(), lr=0.5, weight_decay=0.1), batch=4)

    review = review_source(None, namespace=names)

    assert {one.rule for one in review.findings} == {
        "adam-lr-too-high",
        "adam-coupled-weight-decay",
        "small-batch-no-accumulation",
    }
    assert review.findings[0].confidence == "certain"
    assert review.findings[0].name == "optimizer"
    assert review.findings[0].line is None
    assert any("clip" in gap for gap in review.information_gaps)


def test_a_healthy_notebook_is_left_alone() -> None:
    """Ordinary settings raise nothing."""
    model = nn.Linear(4, 2)

    assert rules(None, held(model, torch.optim.AdamW(model.parameters(), lr=1e-3), batch=32)) == []


def test_an_object_that_the_cell_only_names_is_read_live() -> None:
    """The cell makes no optimizer, so the live one's rate is judged."""
    model = nn.Linear(4, 2)
    review = review_source(STEP, namespace=held(model, torch.optim.SGD(model.parameters(), lr=1e-6)))

    assert [one.rule for one in review.findings] == ["sgd-lr-out-of-range"]
    assert review.findings[0].confidence == "certain"


def test_objects_that_the_cell_does_not_name_stay_out() -> None:
    """Another optimizer in the notebook is none of this cell's business."""
    model = nn.Linear(4, 2)
    other = torch.optim.Adam(nn.Linear(2, 2).parameters(), lr=0.9)

    assert rules(STEP, held(model, torch.optim.AdamW(model.parameters()), other=other)) == []


def test_what_the_cell_makes_itself_is_judged_as_written() -> None:
    """A mended cell reviews clean although the object of its last run is still bad."""
    model = nn.Linear(4, 2)
    names = held(model, torch.optim.Adam(model.parameters(), lr=0.5), torch=torch)

    assert rules("optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)\n" + STEP, names) == []
    assert rules("optimizer = torch.optim.Adam(model.parameters(), lr=0.2)\n" + STEP, names) == [
        "adam-lr-too-high"
    ]


def test_a_live_config_resolves_names() -> None:
    """Numbers that stand in other cells are taken from the notebook."""
    source = "optimizer = torch.optim.AdamW(model.parameters(), lr=cfg['lr'])"

    assert rules(source, {"cfg": {"lr": 0.3}, "torch": torch}) == ["adam-lr-too-high"]
    assert rules(source, {"cfg": {"lr": 3e-4}, "torch": torch}) == []


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (nn.GRU(4, 2), ["missing-grad-clipping"]),
        (nn.TransformerEncoderLayer(4, 2), ["missing-grad-clipping", "transformer-no-warmup"]),
        (
            nn.Sequential(*(part for _ in range(60) for part in (nn.Linear(4, 4), nn.ReLU()))),
            ["missing-grad-clipping"],
        ),
        (nn.Sequential(*(part for _ in range(60) for part in (nn.Linear(4, 4), nn.LayerNorm(4)))), []),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), []),
    ],
    ids=["recurrent", "attention", "deep", "deep and normalised", "convolution"],
)
def test_the_live_model_says_what_it_is(model: nn.Module, wanted: list[str]) -> None:
    """Attention, recurrence and depth are read from the live model's layers."""
    assert rules(STEP, held(model, torch.optim.AdamW(model.parameters(), lr=1e-4))) == wanted


def test_a_live_scheduler_counts() -> None:
    """A warm-up that another cell made is seen through the optimizer it holds."""
    model = nn.TransformerEncoderLayer(4, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    ramp = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1)
    clipped = STEP.replace(
        "    optimizer.step", "    torch.nn.utils.clip_grad_norm_(model.parameters(), 1)\n    optimizer.step"
    )

    assert rules(clipped, held(model, optimizer, ramp=ramp)) == []


def test_onecycle_counts_with_its_highest_rate() -> None:
    """What OneCycleLR set the groups to at its start is not taken for the learning rate."""
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.02, total_steps=100, div_factor=1e4)

    assert rules(None, {"model": model, "optimizer": optimizer, "cycle": cycle}) == []


def test_a_set_smaller_than_the_batch_is_no_small_batch() -> None:
    """Full-batch training on a few samples is left alone."""
    model = nn.Linear(4, 2)
    loader = DataLoader(data(8), batch_size=8)

    assert rules(STEP, {**held(model, torch.optim.AdamW(model.parameters())), "train_loader": loader}) == []


def test_looking_runs_no_code_of_the_person() -> None:
    """Properties and attribute hooks of notebook objects are never called."""

    class Trap:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("touched")

        @property
        def __class__(self) -> type:  # type: ignore[override]
            raise RuntimeError("touched")

    review = review_source(
        "optimizer = torch.optim.Adam(trap.parameters(), lr=trap.lr)",
        namespace={"trap": Trap(), "torch": torch},
    )

    assert review.findings == ()


def test_a_review_imports_no_torch() -> None:
    """In a process where nobody imported torch a review does not import it either."""
    code = (
        "import sys; from nbtrain.review import review_source;"
        "review_source('import torch\\no = torch.optim.Adam(p, lr=1)', namespace={'o': 1});"
        "assert 'torch' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
