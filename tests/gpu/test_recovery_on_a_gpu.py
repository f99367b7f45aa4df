"""Recovery where verdicts come late and memory really ends. Run with `pytest -m gpu tests/gpu`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import nbtrain

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
ROOM_BYTES = 2 * 1024**3


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Let this process have two gigabytes of the device."""
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(ROOM_BYTES / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.parametrize("policy", ["stop", "skip", "recover"])
def test_a_late_verdict_still_names_the_batch(tmp_path: Path, policy: str) -> None:
    """The batch is at hand when the host learns of the step: sample and feature are named, weights finite."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 4)).cuda()
    batches = [(torch.randn(64, 32), torch.randint(0, 4, (64,))) for _ in range(2000)]
    batches[700][0][5, 3] = math.nan
    run = nbtrain.train(
        model, batches, optimizer=torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True),
        loss=nn.CrossEntropyLoss(), dir=tmp_path, no_val=True, epochs=1, on_nan=policy,
    ).wait(120)  # fmt: skip

    assert str(run.status) == ("diverged" if policy == "stop" else "completed"), run.error
    (origin,) = [alert for alert in run.alerts if alert.rule == "nan-origin"]
    assert origin.step == 701
    assert "feature 3 of sample 5" in origin.issue
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())


def test_a_batch_too_large_for_the_device_is_trained_in_pieces(tmp_path: Path, little_memory: None) -> None:
    """A real shortage halves the pieces until they fit; nothing of the failed attempts stays allocated."""
    model = nn.Sequential(nn.Linear(64, 16_384), nn.ReLU(), nn.Linear(16_384, 4)).cuda()
    batches = [(torch.randn(32_768, 64), torch.randint(0, 4, (32_768,))) for _ in range(3)]
    run = nbtrain.train(
        model, batches, optimizer=torch.optim.SGD(model.parameters(), lr=1e-3),
        loss=nn.CrossEntropyLoss(), dir=tmp_path, no_val=True, epochs=1,
    ).wait(120)  # fmt: skip

    assert str(run.status) == "completed", run.error
    assert [alert for alert in run.alerts if alert.rule == "out-of-memory"]
    assert run.progress.step == 3
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() < ROOM_BYTES / 4


def test_how_busy_the_device_was_is_in_the_epochs(tmp_path: Path) -> None:
    """With nvidia-ml-py the epochs hold a utilisation between 0 and 100."""
    pytest.importorskip("pynvml")
    model = nn.Sequential(nn.Linear(1024, 8192), nn.ReLU(), nn.Linear(8192, 4)).cuda()
    batches = [(torch.randn(4096, 1024), torch.randint(0, 4, (4096,))) for _ in range(300)]
    run = nbtrain.train(
        model, batches, optimizer=torch.optim.SGD(model.parameters(), lr=1e-3),
        loss=nn.CrossEntropyLoss(), dir=tmp_path, no_val=True, epochs=4,
    ).wait(120)  # fmt: skip

    readings = run.epochs["gpu_util"].dropna()
    assert len(readings)
    assert readings.between(0, 100).all()
